import COpenBLAS

/// Loads OpenBLAS where it has not been yet.
/// - Throws: `TrainingError.blasUnavailable` with the reason of the system's loader, `.tooManyThreads`.
func requireBLAS(threads: Int) throws(TrainingError) {
    guard rd_blas_load() == 1 else {
        throw .blasUnavailable(reason: rd_blas_failure().map { String(cString: $0) } ?? "no reason given")
    }
    let most = Int(rd_blas_maximum_callers())
    guard threads <= most else { throw .tooManyThreads(got: threads, most: most) }
}
