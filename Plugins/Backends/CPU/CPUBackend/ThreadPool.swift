import CKernels
import RedrafterCore
import RedrafterPlatform
import Synchronization

/// Threads that share the units of one parallel region, then spin briefly and sleep.
///
/// Each thread has a range of neighbouring units, so that it reads the weights of a layer as one stream that prefetching serves;
/// a thread that is done with its own takes units of the others.
///
///     range words, one a cache line:   | generation | end of the range | next free unit |
///                                        24 bits      20 bits            20 bits
///
/// A unit is claimed by one compare-and-swap on its range's word, and a thread that comes late finds nothing to claim. A region
/// ends when all units have been *done*: a worker that sleeps or was scheduled away before it claimed anything is not
/// waited for.
///
/// Unchecked Sendable: all fields are constant or atomic but `body`, which the owner of the region lock writes
/// before it publishes the range words (release) and workers read after a successful claim (acquire); the
/// region cannot end, and `body` not change, while a claimed unit is unfinished.
final class ThreadPool: @unchecked Sendable {
    /// One unit of a region: its index, and the index of the executing thread in `0..<threads`.
    typealias Body = (_ unit: Int, _ thread: Int) -> Void

    let threads: Int

    private static let countBits: UInt64 = 20
    private static let countMask: UInt64 = (1 << countBits) - 1
    /// Largest number of units in one region.
    static let maximumUnits = Int(countMask)

    /// Polls before a worker sleeps: 50 to 250 microseconds, as long as the processor's pause takes; longer than the serial work
    /// between two regions of a pass.
    private static let spinsBeforeSleep = 4_000
    /// Polls before the caller offers its core to a worker that holds a unit but does not run.
    private static let spinsBeforeYield = 10_000
    /// Polls before any thread that waits offers its core, where threads are more than processors.
    private static let spinsBeforeYieldWhenCrowded = 16

    /// Workers of all pools of the process that do not sleep.
    private static let awake = Atomic<Int>(0)
    private static let processors = Int(rd_usable_processors())
    /// True where a thread that polls may keep one that has work from running. Beside the workers there is a caller.
    private static var isCrowded: Bool { awake.load(ordering: .relaxed) >= processors }

    /// The last region that was opened; stored after its range words.
    private let opened = Atomic<UInt64>(0)
    /// Range words. `[threads]`, `wordStride` apart
    private let ranges: UnsafeMutablePointer<Atomic<UInt64>>
    /// Words in a cache line, doubled: neighbouring lines are fetched in pairs.
    private static let wordStride = 16
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
        ranges = .allocate(capacity: threads * Self.wordStride)
        for index in 0..<threads * Self.wordStride { (ranges + index).initialize(to: Atomic(0)) }
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
                throw Self.refusal(of: "thread \(index + 1) of \(threads)", status)
            }
            #if canImport(Glibc)
                workers.append(thread)
            #else
                if let thread { workers.append(thread) }
            #endif
        }
    }

    /// Why there is no further thread: the system has one code for too many of them and for a stack without room.
    private static func refusal(of thread: String, _ status: CInt) -> BackendError {
        var attributes = pthread_attr_t()
        var stackBytes = 0
        pthread_attr_init(&attributes)
        pthread_attr_getstacksize(&attributes, &stackBytes)
        pthread_attr_destroy(&attributes)
        let available = AvailableMemory.bytes()
        // The stack has a guard, and the thread variables of its own.
        let needed = stackBytes + 1 << 20
        guard available >= needed else {
            return .outOfMemory(needed: needed, available: available, purpose: "the stack of \(thread)")
        }
        return .deviceUnavailable(name: thread, reason: String(cString: strerror(status)))
    }

    deinit {
        stop()
        pthread_mutex_destroy(regionLock)
        pthread_mutex_destroy(sleepLock)
        pthread_cond_destroy(wake)
        ranges.deinitialize(count: threads * Self.wordStride)
        ranges.deallocate()
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
            for thread in 0..<threads {
                let (first, end) = (units * thread / threads, units * (thread + 1) / threads)
                let word =
                    generation << (2 * Self.countBits) | UInt64(end) << Self.countBits | UInt64(first)
                ranges[thread * Self.wordStride].store(word, ordering: .releasing)
            }
            opened.store(generation, ordering: .sequentiallyConsistent)
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
                if spins > (Self.isCrowded ? Self.spinsBeforeYieldWhenCrowded : Self.spinsBeforeYield) {
                    sched_yield()
                }
            }
            self.body = nil
        }
        pthread_mutex_unlock(regionLock)
    }

    /// Does units until none is left, those of the thread's own range first; returns the region that was open before.
    @discardableResult
    private func work(thread: Int) -> UInt64 {
        let seen = opened.load(ordering: .sequentiallyConsistent)
        for offset in 0..<threads { work(range: (thread + offset) % threads, thread: thread) }
        return seen
    }

    private func work(range index: Int, thread: Int) {
        let range = ranges + index * Self.wordStride
        while let first = Self.claim(range, ofRegion: nil) {
            // The claim holds the region open, so the body is the one of this generation. One look at it serves all units
            // that follow: its reference count is shared between the threads.
            if let body {
                body(Self.next(first), thread)
                while let word = Self.claim(range, ofRegion: first) {
                    body(Self.next(word), thread)
                    finished.wrappingAdd(1, ordering: .releasing)
                }
            }
            // Reported last, when the body was let go: until then the region stays open for the units done above.
            finished.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// The word of a unit that nobody else will do; nil where none is left, or the region is another one by now.
    private static func claim(_ range: UnsafeMutablePointer<Atomic<UInt64>>, ofRegion region: UInt64?)
        -> UInt64?
    {
        var word = range.pointee.load(ordering: .acquiring)
        while next(word) < end(word) {
            if let region, region >> (2 * countBits) != word >> (2 * countBits) { return nil }
            let (isClaimed, now) = range.pointee.weakCompareExchange(
                expected: word, desired: word + 1, ordering: .acquiringAndReleasing)
            if isClaimed { return word }
            word = now
        }
        return nil
    }

    private static func next(_ word: UInt64) -> Int { Int(word & countMask) }
    private static func end(_ word: UInt64) -> Int { Int(word >> countBits & countMask) }

    fileprivate func workerLoop(thread: Int) {
        Self.awake.wrappingAdd(1, ordering: .relaxed)
        defer { Self.awake.wrappingSubtract(1, ordering: .relaxed) }
        while !isStopping.load(ordering: .relaxed) {
            let seen = work(thread: thread)
            var spins = 0
            while opened.load(ordering: .relaxed) == seen, !isStopping.load(ordering: .relaxed) {
                rd_spin_hint()
                spins += 1
                if spins > Self.spinsBeforeYieldWhenCrowded, Self.isCrowded { sched_yield() }
                guard spins >= Self.spinsBeforeSleep else { continue }
                Self.awake.wrappingSubtract(1, ordering: .relaxed)
                pthread_mutex_lock(sleepLock)
                sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
                while opened.load(ordering: .sequentiallyConsistent) == seen,
                    !isStopping.load(ordering: .sequentiallyConsistent)
                {
                    pthread_cond_wait(wake, sleepLock)
                }
                sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                pthread_mutex_unlock(sleepLock)
                Self.awake.wrappingAdd(1, ordering: .relaxed)
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
