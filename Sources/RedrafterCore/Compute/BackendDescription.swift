/// What a backend says of itself, for reports.
public struct BackendDescription: Sendable, Hashable {
    /// Name used on the command line: `cpu`, `vulkan`.
    public var name: String
    /// Processor or device, as the system names it.
    public var device: String
    public var threads: Int
    /// Kernel set in use, such as `avx2` or `portable`.
    public var kernels: String
    /// OpenBLAS core name, where that library is loaded.
    public var blas: String?
    /// Why this one, where the choice was left to the program.
    public var reason: String?

    public init(
        name: String, device: String, threads: Int, kernels: String, blas: String? = nil,
        reason: String? = nil
    ) {
        self.name = name
        self.device = device
        self.threads = threads
        self.kernels = kernels
        self.blas = blas
        self.reason = reason
    }
}
