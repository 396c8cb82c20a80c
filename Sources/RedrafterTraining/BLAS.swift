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

/// What training computes with on this machine.
public struct TrainingDevice: Sendable, Hashable {
    /// Kernels of OpenBLAS in use: `SkylakeX`, `Haswell`.
    public let blasCore: String
    /// Version and build options of OpenBLAS.
    public let blasConfiguration: String

    /// - Throws: `TrainingError.blasUnavailable`, `.tooManyThreads`
    public init(threads: Int = 1) throws(TrainingError) {
        try requireBLAS(threads: threads)
        blasCore = rd_blas_core_name().map { String(cString: $0) } ?? "unknown"
        blasConfiguration = rd_blas_configuration().map { String(cString: $0) } ?? "unknown"
    }
}
