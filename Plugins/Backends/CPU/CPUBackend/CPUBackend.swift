import CKernels
import RedrafterCore
import RedrafterPlatform

/// Runs models on the processor, with integer dot products for quantised weights and f32 sums throughout.
///
/// Its kernel sets (`avx512-vnni`, `avx-vnni`, `avx2`, on ARM `neon-i8mm` and `neon-dotprod`, anywhere `portable`) and all
/// thread counts give the same bits; see `CKernels.h`.
public final class CPUBackend: ComputeBackend {
    /// How a backend is made.
    public struct Options: Sendable {
        /// Threads that compute; nil for as many as the process may use.
        public var threads: Int?
        /// Kernel set by name; nil for `REDRAFTER_KERNELS` or else the best the processor runs.
        public var kernels: String?
        /// Whether float weights times at least `CPUBackend.minimumBLASRows` rows are products of OpenBLAS; nil for
        /// `REDRAFTER_BLAS` (`on` or `off`) or else off.
        public var usesBLAS: Bool?
        /// Why this backend, where the choice was left to the program; for its description.
        public var reason: String?

        public init(
            threads: Int? = nil, kernels: String? = nil, usesBLAS: Bool? = nil, reason: String? = nil
        ) {
            self.threads = threads
            self.kernels = kernels
            self.usesBLAS = usesBLAS
            self.reason = reason
        }
    }

    /// Largest number of threads that can be asked for.
    public static let maximumThreads = 512

    let kernels: KernelSet
    let pool: ThreadPool
    let blas: OpenBLAS?
    private let arena = Arena()
    private let processorName: String
    private let reason: String?

    /// - Throws: `BackendError.unknownSelection` for a kernel set this processor cannot run or a `REDRAFTER_BLAS` other
    ///   than on and off, `.deviceUnavailable` where threads cannot be started or OpenBLAS is wanted and cannot be used.
    public init(options: Options = Options()) throws(BackendError) {
        let available = Self.availableKernels
        let wanted =
            options.kernels ?? getenv("REDRAFTER_KERNELS").map { String(cString: $0) } ?? available[0]
        guard let kernels = rd_kernels_named(wanted) else {
            throw .unknownSelection(what: "kernel set", got: wanted, available: available)
        }
        self.kernels = KernelSet(table: kernels.pointee)
        let threads = min(max(options.threads ?? Self.usableProcessors, 1), Self.maximumThreads)
        blas = try OpenBLAS.isWanted(options.usesBLAS) ? OpenBLAS(callers: threads) : nil
        pool = try ThreadPool(threads: threads)
        processorName = Self.readProcessorName()
        reason = options.reason
    }

    /// Kernel sets this processor runs, best first.
    public static var availableKernels: [String] {
        var names = [String]()
        while let set = rd_kernels_at(names.count) { names.append(String(cString: set.pointee.name)) }
        return names
    }

    /// Processors this process may run on.
    public static var usableProcessors: Int { Int(rd_usable_processors()) }

    public var description: BackendDescription {
        BackendDescription(
            name: "cpu", device: processorName, threads: pool.threads,
            kernels: String(cString: kernels.table.name), blas: blas?.coreName, reason: reason)
    }

    public func support(_ operation: BackendOperation, _ type: WeightType) -> Support { .supported }

    public func weightByteCount(type: WeightType, rows: Int, columns: Int) -> CheckedSize {
        guard rows >= 0, columns >= 0, columns <= 1 << 40, columns % type.blockLength == 0 else {
            return CheckedSize(-1)
        }
        return CheckedSize((rows + 15) / 16) * CheckedSize(rd_tile_bytes(type.rawValue, columns))
    }

    public func makeWeight(
        type: WeightType, rows: Int, columns: Int, bytes: UnsafeRawBufferPointer
    ) throws(BackendError) -> any WeightHandle {
        guard let size = weightByteCount(type: type, rows: rows, columns: columns).value,
            let rowBytes = type.rowBytes(columns: columns), rows > 0, columns > 0,
            (CheckedSize(rows) * rowBytes).value == bytes.count
        else {
            throw .unsupported(
                operation: "a weight of \(rows) × \(columns)", type: type.name,
                reason: "\(bytes.count) bytes do not hold it")
        }
        let (mapping, offset) = try arena.allocate(size, purpose: "weights")
        let packed = (mapping.base + offset).assumingMemoryBound(to: UInt8.self)
        let tileBytes = rd_tile_bytes(type.rawValue, columns)
        let tiles = (rows + 15) / 16
        let tilesPerUnit = max(64, tiles / ThreadPool.maximumUnits + 1)
        if let source = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) {
            pool.run(units: (tiles + tilesPerUnit - 1) / tilesPerUnit) { unit, _ in
                for tile in unit * tilesPerUnit..<min(tiles, (unit + 1) * tilesPerUnit) {
                    let first = tile * 16
                    rd_pack_tile(
                        type.rawValue, source + first * rowBytes, min(16, rows - first), rowBytes, columns,
                        packed + tile * tileBytes)
                }
            }
        }
        return CPUWeight(
            rows: rows, columns: columns, type: type, tileBytes: tileBytes, tiles: UnsafePointer(packed),
            mapping: mapping)
    }

    public func makeTensor(rows: Int, columns: Int) throws(BackendError) -> Tensor {
        guard let count = CheckedSize(product: [rows, columns]).value else {
            throw .outOfMemory(needed: .max, available: 0, purpose: "activations")
        }
        return Tensor(buffer: try CPUBuffer(count: count), rows: rows, columns: columns)
    }

    public func makeTensor(rows: Int, columns: Int, values: [Float]) throws(BackendError) -> Tensor {
        precondition(values.count == rows * columns, "\(values.count) values for \(rows) × \(columns)")
        let tensor = try makeTensor(rows: rows, columns: columns)
        tensor.floats.update(from: values, count: values.count)
        return tensor
    }

    public func makeCache(_ shape: CacheShape) throws(BackendError) -> any CacheStorage {
        guard shape.headDimension % 16 == 0 else {
            throw .unsupported(
                operation: "attention", type: "heads of \(shape.headDimension)",
                reason: "the CPU backend needs a head size that is a multiple of 16")
        }
        return try CPUCache(shape: shape)
    }

    public func makeStream() -> any ComputeStream { CPUStream(backend: self) }

    private static func readProcessorName() -> String {
        #if canImport(Glibc)
            guard let file = fopen("/proc/cpuinfo", "r") else { return "unknown processor" }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 512)
            while fgets(&line, Int32(line.count), file) != nil {
                let text = line.withUnsafeBufferPointer { buffer in
                    buffer.baseAddress.map { String(cString: $0) } ?? ""
                }
                guard text.hasPrefix("model name"), let colon = text.firstIndex(of: ":") else { continue }
                return String(text[text.index(after: colon)...].drop { $0 == " " }.prefix { $0 != "\n" })
            }
            return "unknown processor"
        #else
            var size = 0
            sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
            var name = [CChar](repeating: 0, count: max(size, 1))
            sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0)
            return name.withUnsafeBufferPointer { buffer in
                buffer.baseAddress.map { String(cString: $0) } ?? ""
            }
        #endif
    }
}

/// One of the constant tables of kernels.
///
/// Unchecked Sendable: holds pointers to functions and to a constant name, nothing that changes.
struct KernelSet: @unchecked Sendable {
    let table: rd_kernels
}
