import Redrafter
import RedrafterPlatform
import Synchronization

/// Ctrl-C, SIGTERM and SIGQUIT end the command with 128 and their number, never by the signal itself. Work that looks at the flag
/// ends at its next pass and keeps what it has; a second signal, or one that finds no such work, ends the process at once.
enum Interrupt {
    /// Set when a signal came.
    static let flag = CancellationFlag()

    /// Whether there is work that looks at the flag.
    private static let isWatched = Atomic<Bool>(false)
    private static let lastSignal = Atomic<CInt>(SIGINT)

    /// 130 after Ctrl-C, 131 after SIGQUIT, 143 after SIGTERM.
    static var exitCode: CInt { 128 + lastSignal.load(ordering: .relaxed) }

    /// The user wants the command to end, not the answer alone.
    static var isTermination: Bool { lastSignal.load(ordering: .relaxed) != SIGINT }

    /// Takes the signals over, before there is any work.
    static func prepare() {
        // A parent may have started this process from a thread that blocks signals; the mask is inherited.
        let numbers = [SIGINT, SIGQUIT, SIGTERM]
        var wanted = sigset_t()
        sigemptyset(&wanted)
        for number in numbers { sigaddset(&wanted, number) }
        pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
        // Made before a signal can come.
        _ = (flag, isWatched.load(ordering: .relaxed), exitCode)
        for number in numbers {
            signal(number) { number in
                if Interrupt.flag.isCancelled || !Interrupt.isWatched.load(ordering: .relaxed) {
                    _exit(128 + number)
                }
                Interrupt.lastSignal.store(number, ordering: .relaxed)
                Interrupt.flag.cancel()
            }
        }
    }

    /// From here on there is work that looks at the flag.
    static func install() { isWatched.store(true, ordering: .relaxed) }

    /// Runs a body that looks at the flag, where what comes after may not.
    static func watching<Value>(_ body: () throws -> Value) rethrows -> Value {
        let before = isWatched.exchange(true, ordering: .relaxed)
        defer { isWatched.store(before, ordering: .relaxed) }
        return try body()
    }

    /// Runs a body that waits for the user, and looks at no flag.
    static func waiting<Value>(_ body: () -> Value) -> Value {
        isWatched.store(false, ordering: .relaxed)
        defer { isWatched.store(true, ordering: .relaxed) }
        return body()
    }
}
