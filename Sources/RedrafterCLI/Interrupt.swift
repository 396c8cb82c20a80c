import Redrafter

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Ctrl-C and SIGTERM end the work at the next pass; a second one ends the process at once.
enum Interrupt {
    /// Set when a signal came.
    static let flag = CancellationFlag()

    static func install() {
        // A parent may have started this process from a thread that blocks signals; the mask is inherited.
        var wanted = sigset_t()
        sigemptyset(&wanted)
        sigaddset(&wanted, SIGINT)
        sigaddset(&wanted, SIGTERM)
        pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                if Interrupt.flag.isCancelled { _exit(128 + number) }
                Interrupt.flag.cancel()
            }
        }
        _ = flag  // made before a signal can come
    }
}
