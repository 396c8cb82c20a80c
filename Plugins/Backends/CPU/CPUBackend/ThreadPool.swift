import CKernels
import RedrafterCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Threads that share the units of one parallel region, then spin briefly and sleep.
///
/// The claim word holds a generation, the number of units and the next free unit, so a unit is claimed by one
/// compare-and-swap, and a thread that comes late finds nothing to claim. A region ends when all units
/// have been *done*: a worker that sleeps or was scheduled away before it claimed anything is not waited for.
///
/// Unchecked Sendable: all fields are constant or atomic but `body`, which the owner of the region lock writes
/// before it publishes the claim word (release) and workers read after a successful claim (acquire); the
/// region cannot end, and `body` not change, while a claimed unit is unfinished.
final class ThreadPool: @unchecked Sendable {
    /// One unit of a region: its index, and the index of the executing thread in `0..<threads`.
    typealias Body = (_ unit: Int, _ thread: Int) -> Void

    let threads: Int

    private static let countBits: UInt64 = 20
    private static let countMask: UInt64 = (1 << countBits) - 1
    /// Largest number of units in one region.
    static let maximumUnits = Int(countMask)

    /// Polls before a worker sleeps: tens of microseconds, longer than the serial work between two regions of a pass.
    private static let spinsBeforeSleep = 4_000
    /// Polls before the caller offers its core to a worker that holds a unit but does not run.
    private static let spinsBeforeYield = 10_000

    private let claim = Atomic<UInt64>(0)
    private let finished = Atomic<Int>(0)
    private let sleepers = Atomic<Int>(0)
    private let isStopping = Atomic<Bool>(false)
    private var body: Body?
    private var generation: UInt64 = 0
    private let regionLock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let sleepLock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var workers: [pthread_t] = []

    /// Starts `threads − 1` workers; the caller of `run` is the remaining thread.
    init(threads: Int) throws(BackendError) {
        precondition(threads > 0)
        self.threads = threads
        pthread_mutex_init(regionLock, nil)
        pthread_mutex_init(sleepLock, nil)
        pthread_cond_init(wake, nil)
        for index in 1..<max(threads, 1) where index < threads {
            let start = Unmanaged.passRetained(
                WorkerStart(pool: Unmanaged.passUnretained(self), index: index))
            #if canImport(Glibc)
                var thread = pthread_t()
            #else
                var thread: pthread_t? = nil
            #endif
            let status = pthread_create(&thread, nil, workerMain, start.toOpaque())
            guard status == 0 else {
                start.release()
                stop()
                throw .deviceUnavailable(
                    name: "thread \(index + 1) of \(threads)", reason: String(cString: strerror(status)))
            }
            #if canImport(Glibc)
                workers.append(thread)
            #else
                if let thread { workers.append(thread) }
            #endif
        }
    }

    deinit {
        stop()
        pthread_mutex_destroy(regionLock)
        pthread_mutex_destroy(sleepLock)
        pthread_cond_destroy(wake)
        regionLock.deallocate()
        sleepLock.deallocate()
        wake.deallocate()
    }

    private func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        pthread_mutex_lock(sleepLock)
        pthread_cond_broadcast(wake)
        pthread_mutex_unlock(sleepLock)
        for worker in workers { pthread_join(worker, nil) }
        workers = []
    }

    /// Runs `body` once for every unit in `0..<units` and returns when all have been done.
    func run(units: Int, _ body: Body) {
        precondition(units <= Self.maximumUnits, "too many units in one region")
        guard units > 1, threads > 1 else {
            for unit in 0..<units { body(unit, 0) }
            return
        }
        pthread_mutex_lock(regionLock)
        withoutActuallyEscaping(body) { escaping in
            self.body = escaping
            finished.store(0, ordering: .relaxed)
            generation &+= 1
            let word = generation << (2 * Self.countBits) | UInt64(units) << Self.countBits
            claim.store(word, ordering: .sequentiallyConsistent)
            if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
                pthread_mutex_lock(sleepLock)
                pthread_cond_broadcast(wake)
                pthread_mutex_unlock(sleepLock)
            }
            work(thread: 0)
            var spins = 0
            while finished.load(ordering: .acquiring) < units {
                rd_spin_hint()
                spins += 1
                if spins > Self.spinsBeforeYield { sched_yield() }
            }
            self.body = nil
        }
        pthread_mutex_unlock(regionLock)
    }

    /// Claims and does units until none is left; returns the claim word that said so.
    @discardableResult
    private func work(thread: Int) -> UInt64 {
        var word = claim.load(ordering: .acquiring)
        while true {
            let next = word & Self.countMask
            let units = word >> Self.countBits & Self.countMask
            guard next < units else { return word }
            let (claimed, seen) = claim.weakCompareExchange(
                expected: word, desired: word + 1, ordering: .acquiringAndReleasing)
            guard claimed else {
                word = seen
                continue
            }
            // The claim holds the region open, so the body is the one of this generation.
            if let body {
                body(Int(next), thread)
                // Further units of the same region need no new look at the body.
                var current = word + 1
                while true {
                    let next = current & Self.countMask
                    guard next < units else { break }
                    let (again, now) = claim.weakCompareExchange(
                        expected: current, desired: current + 1, ordering: .acquiringAndReleasing)
                    if again {
                        body(Int(next), thread)
                        finished.wrappingAdd(1, ordering: .releasing)
                        current += 1
                    } else {
                        guard now >> Self.countBits == word >> Self.countBits else { break }
                        current = now
                    }
                }
            }
            // Reported last: until then the region stays open for the units done above.
            finished.wrappingAdd(1, ordering: .releasing)
            word = claim.load(ordering: .acquiring)
        }
    }

    fileprivate func workerLoop(thread: Int) {
        while !isStopping.load(ordering: .relaxed) {
            let seen = work(thread: thread)
            var spins = 0
            while claim.load(ordering: .relaxed) == seen, !isStopping.load(ordering: .relaxed) {
                rd_spin_hint()
                spins += 1
                guard spins >= Self.spinsBeforeSleep else { continue }
                pthread_mutex_lock(sleepLock)
                sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
                while claim.load(ordering: .sequentiallyConsistent) == seen,
                    !isStopping.load(ordering: .sequentiallyConsistent)
                {
                    pthread_cond_wait(wake, sleepLock)
                }
                sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                pthread_mutex_unlock(sleepLock)
            }
        }
    }
}

/// What a new worker needs to know. The pool joins its workers before it goes away, so the reference stays valid.
private final class WorkerStart {
    let pool: Unmanaged<ThreadPool>
    let index: Int

    init(pool: Unmanaged<ThreadPool>, index: Int) {
        self.pool = pool
        self.index = index
    }
}

#if canImport(Glibc)
    private func workerMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        startWorker(context)
        return nil
    }
#else
    private func workerMain(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        startWorker(context)
        return nil
    }
#endif

private func startWorker(_ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    let start = Unmanaged<WorkerStart>.fromOpaque(context).takeRetainedValue()
    start.pool._withUnsafeGuaranteedRef { $0.workerLoop(thread: start.index) }
}
