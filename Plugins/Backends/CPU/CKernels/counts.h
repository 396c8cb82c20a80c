// Loops over a count that the compiler has to know: each case of a switch calls `body` with its number as a constant, so that
// arrays indexed by it stay in registers. The last case takes whatever is left.
#ifndef COUNTS_H
#define COUNTS_H

#define EACH_COUNT_2(n, body)                       \
    switch (n) {                                    \
    case 1: body(1); break;                         \
    default: body(2); break;                        \
    }

#define EACH_COUNT_3(n, body)                       \
    switch (n) {                                    \
    case 1: body(1); break;                         \
    case 2: body(2); break;                         \
    default: body(3); break;                        \
    }

#define EACH_COUNT_4(n, body)                       \
    switch (n) {                                    \
    case 1: body(1); break;                         \
    case 2: body(2); break;                         \
    case 3: body(3); break;                         \
    default: body(4); break;                        \
    }

#define EACH_COUNT_6(n, body)                       \
    switch (n) {                                    \
    case 1: body(1); break;                         \
    case 2: body(2); break;                         \
    case 3: body(3); break;                         \
    case 4: body(4); break;                         \
    case 5: body(5); break;                         \
    default: body(6); break;                        \
    }

#define EACH_COUNT_8(n, body)                       \
    switch (n) {                                    \
    case 1: body(1); break;                         \
    case 2: body(2); break;                         \
    case 3: body(3); break;                         \
    case 4: body(4); break;                         \
    case 5: body(5); break;                         \
    case 6: body(6); break;                         \
    case 7: body(7); break;                         \
    default: body(8); break;                        \
    }

#define EACH_COUNT_12(n, body)                      \
    switch (n) {                                    \
    case 1: body(1); break;                         \
    case 2: body(2); break;                         \
    case 3: body(3); break;                         \
    case 4: body(4); break;                         \
    case 5: body(5); break;                         \
    case 6: body(6); break;                         \
    case 7: body(7); break;                         \
    case 8: body(8); break;                         \
    case 9: body(9); break;                         \
    case 10: body(10); break;                       \
    case 11: body(11); break;                       \
    default: body(12); break;                       \
    }

#endif
