import CBuildCommit
import CPUBackend

/// What `redrafter --version` says.
enum Version {
    static let number = "0.1.0"

    /// The version and the commit, then the kernel sets that this processor runs, best first.
    static var text: String {
        let commit = String(cString: rd_build_commit())
        return """
            redrafter \(number) (\(commit.isEmpty ? "unknown commit" : "commit \(commit)"))
            kernels: \(CPUBackend.availableKernels.joined(separator: ", "))
            """
    }
}
