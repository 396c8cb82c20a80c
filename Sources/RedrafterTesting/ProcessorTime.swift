import RedrafterPlatform

/// What a body returns, and what this thread computed for it: other work of the machine has no part in that time, so that tests
/// may limit it.
package func withProcessorTime<Value, Failure: Error>(
    _ body: () throws(Failure) -> Value
) throws(Failure) -> (value: Value, time: Duration) {
    let start = processorTime()
    let value = try body()
    return (value, processorTime() - start)
}
