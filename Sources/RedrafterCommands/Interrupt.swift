import Redrafter
import RedrafterPlatform
import Synchronization

/// Ctrl-C and SIGTERM end the work at the next pass; a second one, or one that finds no work, ends the process at once.
enum Interrupt {
    /// Set when a signal came.
    static let flag = CancellationFlag()

    private static let isWaiting = Atomic<Bool>(false)
    private static let lastSignal = Atomic<CInt>(SIGINT)

    /// 130 after Ctrl-C, 143 after SIGTERM.
    static var exitCode: CInt { 128 + lastSignal.load(ordering: .relaxed) }

    /// The user wants the command to end, not the answer alone.
    static var isTermination: Bool { lastSignal.load(ordering: .relaxed) == SIGTERM }

    static func install() {
        // A parent may have started this process from a thread that blocks signals; the mask is inherited.
        var wanted = sigset_t()
        sigemptyset(&wanted)
        sigaddset(&wanted, SIGINT)
        sigaddset(&wanted, SIGTERM)
        pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
        // Made before a signal can come.
        _ = (flag, isWaiting.load(ordering: .relaxed), exitCode)
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                if Interrupt.flag.isCancelled || Interrupt.isWaiting.load(ordering: .relaxed) {
                    _exit(128 + number)
                }
                Interrupt.lastSignal.store(number, ordering: .relaxed)
                Interrupt.flag.cancel()
            }
        }
    }

    /// Runs a body that waits for the user.
    static func waiting<Value>(_ body: () -> Value) -> Value {
        isWaiting.store(true, ordering: .relaxed)
        defer { isWaiting.store(false, ordering: .relaxed) }
        return body()
    }
}
