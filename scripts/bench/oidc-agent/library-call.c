/*
 * What a C program waits for oidc-agent: liboidc-agent's call, many times in one process. Prints the median in
 * milliseconds; ends with 1 when a call gives no token.
 *
 * library-call ACCOUNT CALLS          (OIDC_SOCK in the environment)
 *
 * The two functions are declared here, so that the library's package is enough and its headers are not needed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

char *getAccessToken3(const char *account, time_t min_valid_period, const char *scope, const char *application_hint,
                      const char *audience);
void _secFree(void *text);

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
  if (count != 3) return 2;
  int calls = atoi(words[2]);
  double *times = calloc(calls, sizeof *times);
  for (int call = 0; call < calls; call++) {
    double started_at = now_ms();
    char *token = getAccessToken3(words[1], 0, NULL, "bench", NULL);
    times[call] = now_ms() - started_at;
    if (token == NULL) return 1;
    _secFree(token);
  }
  qsort(times, calls, sizeof *times, ascending);
  printf("%f\n", times[calls / 2]);
  return 0;
}
