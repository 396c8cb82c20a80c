import RedrafterPlatform

/// A mapped file that another program shortens, or that its disk can no longer give: the next access to the missing
/// bytes is a SIGBUS, which no check beforehand can rule out.
enum FileFault {
    /// Makes such an access end the command with a line on stderr and exit code 74.
    static func install() {
        var action = sigaction()
        #if canImport(Darwin)
            action.__sigaction_u.__sa_sigaction = report
        #else
            action.__sigaction_handler.sa_sigaction = report
        #endif
        // A SIGBUS of another cause comes again when the handler returns, and ends the process then.
        action.sa_flags = CInt(truncatingIfNeeded: SA_SIGINFO) | CInt(truncatingIfNeeded: SA_RESETHAND)
        sigaction(SIGBUS, &action, nil)
    }

    /// Calls nothing but what a signal handler may: write and _exit.
    private static let report:
        @convention(c) (CInt, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void = {
            _, information, _ in
            guard let information, information.pointee.si_code == missingBytes else { return }
            let line: StaticString = """
                error: a model file became shorter, or its disk failed, while it was read
                hint: get a complete copy, and do not change it while it is in use

                """
            _ = write(STDERR_FILENO, line.utf8Start, line.utf8CodeUnitCount)
            _exit(74)
        }

    /// BUS_ADRERR: the address has no memory behind it.
    private static let missingBytes: CInt = 2
}
