import CVulkan
import RedrafterCore
import RedrafterPlatform

/// The file in which compiled pipelines of a device wait for the next process.
///
/// It is a cache: one that is missing, damaged, of another driver or that cannot be written is passed over. What a file holds goes
/// to the driver only when it belongs to this user and both its checksum and the driver's own header are right. Files are
/// replaced as a whole, so that processes side by side, and killed ones, do no harm.
///
///     "RDPIPE01" | length of the data, 8 bytes | FNV-1a of the data, 8 bytes | the driver's data
struct PipelineCacheFile: Sendable {
    /// Where such files are.
    enum Place: Sendable {
        /// `vulkan` in the user's cache directory, unless `REDRAFTER_VULKAN_CACHE` is `off`.
        case user
        case directory(String)
        case none
    }

    private static let magic = Array("RDPIPE01".utf8)
    private static let headerBytes = 24
    /// More than all pipelines of a device take.
    static let maximumBytes = 64 << 20

    let directory: String
    let name: String

    /// The file of a device, its driver and these shaders; nil where there is to be none.
    init?(_ place: Place, _ device: VulkanDeviceDescription) {
        switch place {
        case .none: return nil
        case .directory(let path): directory = path
        case .user:
            guard Environment.variable("REDRAFTER_VULKAN_CACHE") != "off",
                let path = CacheDirectory.path.map({ $0 + "/vulkan" })
            else {
                return nil
            }
            directory = path
        }
        var count = 0
        let sources = UnsafeRawBufferPointer(start: rdv_shader_sources(&count), count: count)
        let of = "\(device.driver) \(device.driverVersion) \(device.apiVersion)\n"
        let hash = Self.checksum(sources, after: Array(of.utf8).withUnsafeBytes { Self.checksum($0) })
        name = "\(device.uuid)-\(String(hash, radix: 16)).pipelines"
    }

    var path: String { directory + "/" + name }

    /// Gives a device a cache with what the file holds.
    /// - Returns: the bytes of it that the driver was given.
    func load(into device: OpaquePointer) -> Int {
        let data = contents().flatMap { data in
            data.withUnsafeBytes { rdv_cache_is_own(device, $0.baseAddress, $0.count) } ? data : nil
        }
        guard let data else {
            rdv_cache_open(device, nil, 0)
            return 0
        }
        data.withUnsafeBytes { rdv_cache_open(device, $0.baseAddress, $0.count) }
        return data.count
    }

    /// Puts a device's cache into the file.
    /// - Returns: the size of the cache; a failure is not tried again before it has grown.
    func save(from device: OpaquePointer) -> Int {
        let size = rdv_cache_size(device)
        guard size > 0, size <= Self.maximumBytes - Self.headerBytes else { return size }
        let data = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = rdv_cache_read(device, buffer.baseAddress, size)
        }
        if !data.isEmpty { replace(with: data) }
        return size
    }
}

extension PipelineCacheFile {
    /// The driver's data; nil where there is no file, or one that is not as this type writes it.
    func contents() -> [UInt8]? {
        // Without waiting for what may lie there in place of a file.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var about = stat()
        guard fstat(file, &about) == 0, about.st_mode & S_IFMT == S_IFREG, about.st_uid == geteuid(),
            about.st_size >= Self.headerBytes, about.st_size <= Self.maximumBytes
        else { return nil }
        let size = Int(about.st_size)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while let start = buffer.baseAddress, count < size {
                let got = read(file, start + count, size - count)
                guard got > 0 else { return }
                count += got
            }
        }
        guard bytes.count == size, bytes.starts(with: Self.magic) else { return nil }
        return bytes.withUnsafeBytes { bytes in
            let data = UnsafeRawBufferPointer(rebasing: bytes[Self.headerBytes...])
            let length = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            let sum = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
            return length == data.count && sum == Self.checksum(data) ? Array(data) : nil
        }
    }

    /// Writes under another name and then renames. What fails leaves the file that was there.
    func replace(with data: [UInt8]) {
        Self.makeDirectory(directory)
        var template = Array("\(path).XXXXXX".utf8CString)
        let file = template.withUnsafeMutableBufferPointer { name in
            name.baseAddress.map { mkstemp($0) } ?? -1
        }
        guard file >= 0 else { return }
        let temporary = template.withUnsafeBytes { String(decoding: $0.dropLast(), as: UTF8.self) }
        var header = Self.magic
        for value in [UInt64(data.count), data.withUnsafeBytes { Self.checksum($0) }] {
            withUnsafeBytes(of: value.littleEndian) { header.append(contentsOf: $0) }
        }
        let isWritten = Self.append(header, to: file) && Self.append(data, to: file)
        let isClosed = close(file) == 0
        guard isWritten, isClosed, rename(temporary, path) == 0 else {
            unlink(temporary)
            return
        }
    }

    /// FNV-1a of 64 bits: it finds damage by accident. The owner of the file is who vouches for it.
    static func checksum(_ bytes: UnsafeRawBufferPointer, after start: UInt64 = 0xcbf2_9ce4_8422_2325)
        -> UInt64
    {
        bytes.reduce(start) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// Makes a directory and those above it, for this user alone.
    private static func makeDirectory(_ path: String) {
        guard mkdir(path, 0o700) != 0, errno == ENOENT, let slash = path.lastIndex(of: "/") else { return }
        let parent = String(path[..<slash])
        guard !parent.isEmpty else { return }
        makeDirectory(parent)
        mkdir(path, 0o700)
    }

    private static func append(_ bytes: [UInt8], to file: Int32) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var done = 0
            while let start = bytes.baseAddress, done < bytes.count {
                let count = write(file, start + done, bytes.count - done)
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }
}
