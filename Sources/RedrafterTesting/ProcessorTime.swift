import RedrafterPlatform

/// What a body returns, and what this thread computed for it: other work of the machine has no part in that time, so that tests
/// may limit it.
package func withProcessorTime<Value, Failure: Error>(
    _ body: () throws(Failure) -> Value
) throws(Failure) -> (value: Value, time: Duration) {
    func now() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(Int(time.tv_sec)) + .nanoseconds(Int(time.tv_nsec))
    }
    let start = now()
    let value = try body()
    return (value, now() - start)
}
