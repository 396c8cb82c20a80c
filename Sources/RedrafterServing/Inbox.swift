import Redrafter
import RedrafterCore
import Synchronization

/// A request that waits for a slot. All that can be wrong with it was checked.
struct PendingRequest: Sendable {
    let request: EngineRequest
    let sampler: Sampler
    let drafter: Int
    let delivery: Delivery
}

/// What crosses from the callers' threads to the scheduler's: requests in order, and the wish to end.
final class Inbox: Sendable {
    private struct State {
        var waiting: [PendingRequest] = []
        /// Requests that were accepted and have not ended.
        var open = 0
        var isRunning = false
        var isStopping = false
        var metrics = EngineMetrics()
        var idle: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    /// Requests that may be open at the same time.
    private let capacity: Int
    private let slots: Int
    /// Set when all texts have to end.
    let ending = CancellationFlag()

    init(slots: Int, queueLimit: Int) {
        self.slots = slots
        capacity = slots + queueLimit
    }

    /// Takes a request; true where the scheduler has to be started for it.
    func add(_ request: PendingRequest) throws(EngineError) -> Bool {
        let outcome: Result<Bool, EngineError> = state.withLock { state in
            if state.isStopping { return .failure(.stopping) }
            guard state.open < capacity else {
                state.metrics.finished.refused += 1
                return .failure(
                    .queueFull(waiting: state.waiting.count, retryAfter: Self.retryAfter(state, slots: slots))
                )
            }
            state.open += 1
            state.waiting.append(request)
            defer { state.isRunning = true }
            return .success(!state.isRunning)
        }
        return try outcome.get()
    }

    /// Seconds in which the requests that wait are likely to have a slot.
    private static func retryAfter(_ state: State, slots: Int) -> Int {
        let done = state.metrics.endToEnd
        let mean = done.count > 0 ? done.sum / Double(done.count) : 1
        return min(max(Int((mean * Double(state.waiting.count + 1) / Double(slots)).rounded(.up)), 1), 60)
    }

    /// The next requests in order, and those that were cancelled before they had a slot.
    func take(_ count: Int) -> (requests: [PendingRequest], cancelled: [PendingRequest]) {
        state.withLock { state in
            let cancelled = state.waiting.filter { $0.delivery.cancellation.isCancelled }
            if !cancelled.isEmpty { state.waiting.removeAll { $0.delivery.cancellation.isCancelled } }
            let requests = Array(state.waiting.prefix(count))
            state.waiting.removeFirst(requests.count)
            return (requests, cancelled)
        }
    }

    /// A request has ended.
    func close() { state.withLock { $0.open -= 1 } }

    /// The scheduler has nothing to do; true where it may rest, false where a request has come in the meantime.
    func rest() -> Bool {
        let idle: [CheckedContinuation<Void, Never>]? = state.withLock { state in
            guard state.waiting.isEmpty else { return nil }
            state.isRunning = false
            defer { state.idle = [] }
            return state.idle
        }
        idle?.forEach { $0.resume() }
        return idle != nil
    }

    /// Refuses what comes from now on, and what waits.
    func stop() {
        let waiting = state.withLock { state in
            state.isStopping = true
            defer { state.waiting = [] }
            state.open -= state.waiting.count
            state.metrics.finished.refused += state.waiting.count
            return state.waiting
        }
        for request in waiting { request.delivery.fail(.stopping) }
    }

    /// Waits until no text is in a slot.
    func waitUntilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                guard state.isRunning else { return true }
                state.idle.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }

    var metrics: EngineMetrics {
        state.withLock { state in
            var metrics = state.metrics
            metrics.waiting = state.waiting.count
            return metrics
        }
    }

    /// Publishes what the scheduler has counted; what the callers' threads count is kept.
    func publish(_ metrics: EngineMetrics) {
        state.withLock { state in
            let refused = state.metrics.finished.refused
            state.metrics = metrics
            state.metrics.finished.refused = refused
        }
    }
}
