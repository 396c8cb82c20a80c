import Dispatch

/// Runs `body` once for each index below `count`, at the same time where there are processors, and waits.
///
/// `body` is used from several threads: calls with different indices must write to different memory.
func onThreads(_ count: Int, _ body: (Int) -> Void) {
    guard count > 1 else { return body(0) }
    withoutActuallyEscaping(body) { escaping in
        // No call outlives this function, and each has its own part of what is written.
        nonisolated(unsafe) let work = escaping
        DispatchQueue.concurrentPerform(iterations: count) { work($0) }
    }
}

/// Piece `index` of `count` pieces of nearly the same size, with boundaries at multiples of a cache line.
func piece(_ index: Int, of count: Int, in elements: Int) -> Range<Int> {
    let lines = (elements + 15) / 16
    return min(lines * index / count * 16, elements)..<min(lines * (index + 1) / count * 16, elements)
}
