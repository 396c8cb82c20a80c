// Loops over a count that the compiler has to know: each case of a switch calls `body` with its number as a constant, so that
// arrays indexed by it stay in registers. The last case takes whatever is left.
#ifndef COUNTS_H
#define COUNTS_H

// Cases 1 to k.
#define CASES_1(body) case 1: body(1); break;
#define CASES_2(body) CASES_1(body) case 2: body(2); break;
#define CASES_3(body) CASES_2(body) case 3: body(3); break;
#define CASES_4(body) CASES_3(body) case 4: body(4); break;
#define CASES_5(body) CASES_4(body) case 5: body(5); break;
#define CASES_6(body) CASES_5(body) case 6: body(6); break;
#define CASES_7(body) CASES_6(body) case 7: body(7); break;
#define CASES_8(body) CASES_7(body) case 8: body(8); break;
#define CASES_9(body) CASES_8(body) case 9: body(9); break;
#define CASES_10(body) CASES_9(body) case 10: body(10); break;
#define CASES_11(body) CASES_10(body) case 11: body(11); break;

#define EACH_COUNT_2(n, body) switch (n) { CASES_1(body) default: body(2); break; }
#define EACH_COUNT_3(n, body) switch (n) { CASES_2(body) default: body(3); break; }
#define EACH_COUNT_4(n, body) switch (n) { CASES_3(body) default: body(4); break; }
#define EACH_COUNT_6(n, body) switch (n) { CASES_5(body) default: body(6); break; }
#define EACH_COUNT_8(n, body) switch (n) { CASES_7(body) default: body(8); break; }
#define EACH_COUNT_12(n, body) switch (n) { CASES_11(body) default: body(12); break; }

#endif
