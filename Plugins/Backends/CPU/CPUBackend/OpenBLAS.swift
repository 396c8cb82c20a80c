import COpenBLAS
import RedrafterCore
import RedrafterPlatform

/// The loaded library and the kernels it chose.
///
/// Off unless asked for: its results for a row may depend on the rows beside it, and a gain over the project's own
/// kernels is not established (README, "Figures").
struct OpenBLAS: Sendable {
    /// Kernels in use as the library names them: `SkylakeX`, `Haswell`.
    let coreName: String

    /// Loads the library.
    /// - Parameter callers: threads that will be inside the library at once.
    /// - Throws: `BackendError.deviceUnavailable` with the reason of the system's loader, or where the library has not
    ///   been built for so many callers.
    init(callers: Int) throws(BackendError) {
        guard rd_blas_load() == 1 else {
            let reason = rd_blas_failure().map { String(cString: $0) } ?? "no reason given"
            throw .deviceUnavailable(
                name: "OpenBLAS", reason: "\(reason); install libopenblas or set REDRAFTER_BLAS=off")
        }
        let served = Int(rd_blas_maximum_callers())
        guard callers <= served else {
            throw .deviceUnavailable(
                name: "OpenBLAS",
                reason:
                    "it supports \(served) threads, not \(callers); ask for fewer threads or set REDRAFTER_BLAS=off"
            )
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
