/*
 * What a C program waits for a token, many times in one process. Prints the median in milliseconds; ends with 1 when
 * a call gives no token.
 *
 * token-call library ACCOUNT CALLS    liboidc-agent's call, which opens a connection each time
 * token-call kept SOCKET CALLS        catchd's socket, on one connection
 * token-call new SOCKET CALLS         catchd's socket, on a connection for each call
 *
 * The library's two functions are declared here, so that its headers need not be installed.
 */
#define _GNU_SOURCE /* strcasestr */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

char *getAccessToken3(const char *account, time_t min_valid_period, const char *scope, const char *application_hint,
                      const char *audience);
void _secFree(void *text);

static const char REQUEST[] = "GET /v1/tokens/gw HTTP/1.1\r\nHost: localhost\r\n\r\n";

static int connection = -1;

static int open_connection(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  connection = socket(AF_UNIX, SOCK_STREAM, 0);
  return connect(connection, (struct sockaddr *)&address, sizeof address) == 0;
}

/* One answer up to its Content-Length. */
static int read_answer(void) {
  static char answer[8192];
  size_t length = 0;
  while (length < sizeof answer - 1) {
    ssize_t more = read(connection, answer + length, sizeof answer - 1 - length);
    if (more <= 0) return 0;
    length += more;
    answer[length] = '\0';
    char *head_end = strstr(answer, "\r\n\r\n");
    if (head_end == NULL) continue;
    char *content_length = strcasestr(answer, "\r\ncontent-length:");
    if (content_length == NULL || content_length > head_end) return 0;
    size_t whole = head_end + 4 - answer + strtoul(content_length + strlen("\r\ncontent-length:"), NULL, 10);
    if (length < whole) continue;
    return strncmp(answer, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) == 0 && strstr(head_end, "\"access_token\":");
  }
  return 0;
}

static int ask_kept(const char *path) {
  if (connection < 0 && !open_connection(path)) return 0;
  return write(connection, REQUEST, strlen(REQUEST)) > 0 && read_answer();
}

static int ask_new(const char *path) {
  int is_given = ask_kept(path);
  close(connection);
  connection = -1;
  return is_given;
}

static int ask_library(const char *account) {
  char *token = getAccessToken3(account, 0, NULL, "bench", NULL);
  _secFree(token);
  return token != NULL;
}

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static int ascending(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

int main(int count, char **words) {
  if (count != 4) return 2;
  int (*ask)(const char *) = strcmp(words[1], "kept") == 0  ? ask_kept
                             : strcmp(words[1], "new") == 0 ? ask_new
                                                            : ask_library;
  int calls = atoi(words[3]);
  double *times = calloc(calls, sizeof *times);
  for (int call = 0; call < calls; call++) {
    double started_at = now_ms();
    if (!ask(words[2])) return 1;
    times[call] = now_ms() - started_at;
  }
  qsort(times, calls, sizeof *times, ascending);
  printf("%f\n", times[calls / 2]);
  return 0;
}
