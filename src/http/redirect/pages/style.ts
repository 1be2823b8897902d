/**
 * The style sheet of the redirect listener's pages: system fonts, light and dark, one column that fits a phone. The
 * content security policy names its hash, so no other style applies.
 */

export const STYLE = `
:root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--line:#dfe3e8;--soft:#f4f5f7;--text:#1a1f26;--muted:#58626f;
--done:#1a7f37;--done-soft:#e3f4e7;--failed:#b42318;--failed-soft:#fdeae8;--denied:#8a5a00;--denied-soft:#fdf1d8;
--waiting:#1f5fbf;--waiting-soft:#e4eefb;--lost:#58626f;--lost-soft:#eceff3}
@media (prefers-color-scheme:dark){:root{--page:#0e1116;--card:#161b22;--line:#2c333d;--soft:#0e1116;--text:#e7ebf0;
--muted:#9ba6b4;--done:#56c271;--done-soft:#12301c;--failed:#ff8a80;--failed-soft:#3a1916;--denied:#e3b341;
--denied-soft:#33270b;--waiting:#7fb2f5;--waiting-soft:#14263f;--lost:#9ba6b4;--lost-soft:#232a33}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100svh;display:grid;grid-template-rows:1fr auto;justify-items:center;
align-items:center;background:var(--page);color:var(--text);
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{width:calc(100% - 2rem);max-width:36rem;margin:2rem 0 1rem;padding:2rem;background:var(--card);
border:1px solid var(--line);border-radius:.875rem;box-shadow:0 1px 2px rgb(0 0 0/.04),0 8px 24px rgb(0 0 0/.05)}
header{display:flex;gap:1rem;align-items:center}
header svg{flex:none;width:2.75rem;height:2.75rem;padding:.625rem;border-radius:50%;color:var(--tone);background:var(--tone-soft)}
.done{--tone:var(--done);--tone-soft:var(--done-soft)}.failed{--tone:var(--failed);--tone-soft:var(--failed-soft)}
.denied{--tone:var(--denied);--tone-soft:var(--denied-soft)}.waiting{--tone:var(--waiting);--tone-soft:var(--waiting-soft)}
.over,.lost{--tone:var(--lost);--tone-soft:var(--lost-soft)}
h1{margin:0;font-size:1.375rem;line-height:1.3;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere;text-wrap:balance}
h2{margin:0 0 .375rem;font-size:.8125rem;line-height:1.4;font-weight:600;color:var(--muted)}
p{margin:.5rem 0 0;overflow-wrap:anywhere}
.summary{margin-top:1.25rem}
.summary p:first-child{margin-top:0}
.summary p+p{color:var(--muted)}
dl{margin:1.5rem 0 0;border-top:1px solid var(--line)}
dl>div{display:grid;grid-template-columns:8rem 1fr;gap:1rem;padding:.625rem 0;border-bottom:1px solid var(--line)}
dt{color:var(--muted)}
dd{margin:0;overflow-wrap:anywhere}
dd small{display:block;font-size:.875rem;color:var(--muted)}
dd ul{display:flex;flex-wrap:wrap;gap:.375rem;margin:0;padding:0;list-style:none}
code{font:.875em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
dd li{max-width:100%}
dd li code{padding:.125rem .4375rem;border-radius:.375rem;background:var(--soft);border:1px solid var(--line)}
section{margin-top:1.5rem}
blockquote{margin:0;padding:.75rem 1rem;border-left:3px solid var(--tone);border-radius:0 .5rem .5rem 0;background:var(--soft)}
blockquote p{margin:.25rem 0 0}
pre{margin:0;padding:.75rem 1rem;border:1px solid var(--line);border-radius:.5rem;background:var(--soft);white-space:pre-wrap;
overflow-wrap:anywhere;user-select:all;-webkit-user-select:all}
pre::before{content:"$ ";color:var(--muted)}
pre.value::before{content:none}
.cause p{margin:0}
.cause p+h2{margin-top:.75rem}
.note{margin:1.25rem 0 0;padding:.625rem 1rem;border-radius:.5rem;background:var(--waiting-soft);color:var(--text)}
.close{margin-top:1.5rem;color:var(--muted)}
body>footer{padding:0 1rem 1.5rem;font-size:.8125rem;color:var(--muted);text-align:center}
@media (max-width:30rem){body{align-items:start}main{margin-top:1rem;padding:1.25rem}dl>div{grid-template-columns:1fr;gap:.125rem}
header{gap:.75rem}h1{font-size:1.25rem}}
@media (prefers-reduced-motion:no-preference){.waiting header svg{animation:breathe 1.6s ease-in-out infinite}
@keyframes breathe{50%{opacity:.55}}}
`
