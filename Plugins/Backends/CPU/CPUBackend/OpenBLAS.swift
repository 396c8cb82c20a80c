import COpenBLAS
import RedrafterCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The loaded library and the kernels it chose.
///
/// Off unless asked for: its results for a row depend on the rows beside it, and the project's own kernels are as fast on
/// processors with AVX-512 (README, "OpenBLAS").
struct OpenBLAS: Sendable {
    /// Threads that may be inside the library at once: its table of work buffers is finite, and it ends the process
    /// when the table is full.
    static let maximumCallers = 64

    /// Kernels in use as the library names them: `SkylakeX`, `Haswell`.
    let coreName: String

    /// Loads the library.
    /// - Throws: `BackendError.deviceUnavailable` with the reason of the system's loader, or for too many `callers`.
    init(callers: Int) throws(BackendError) {
        guard callers <= Self.maximumCallers else {
            throw .deviceUnavailable(
                name: "OpenBLAS",
                reason:
                    "it serves \(Self.maximumCallers) threads, not \(callers); ask for fewer threads or set "
                    + "REDRAFTER_BLAS=off")
        }
        guard rd_blas_load() == 1 else {
            let reason = rd_blas_failure().map { String(cString: $0) } ?? "no reason given"
            throw .deviceUnavailable(
                name: "OpenBLAS", reason: "\(reason); install libopenblas or set REDRAFTER_BLAS=off")
        }
        coreName = rd_blas_core_name().map { String(cString: $0) } ?? "unknown"
    }

    /// What was asked for in code, else in the environment, else off.
    /// - Throws: `BackendError.unknownSelection` for another word than `on` and `off`.
    static func isWanted(_ choice: Bool?) throws(BackendError) -> Bool {
        if let choice { return choice }
        guard let word = getenv("REDRAFTER_BLAS").map({ String(cString: $0) }) else { return false }
        guard word == "on" || word == "off" else {
            throw .unknownSelection(what: "REDRAFTER_BLAS", got: word, available: ["on", "off"])
        }
        return word == "on"
    }
}
