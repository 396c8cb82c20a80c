/// Memory that this process can still take, as far as the system tells.
public enum AvailableMemory {
    /// The smallest of what is free on the machine, left under the control group's limit and left under the limit of the
    /// address space. `Int.max` where nothing is known.
    public static func bytes() -> Int {
        let system = SystemFiles(contents: contents)
        return [system.machineBytes, system.controlGroupBytes, addressSpaceBytes()].compactMap { $0 }.min()
            ?? .max
    }

    private static func addressSpaceBytes() -> Int? {
        var limit = rlimit()
        #if canImport(Glibc)
            let status = getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        #else
            let status = getrlimit(RLIMIT_AS, &limit)
        #endif
        guard status == 0, let bytes = Int(exactly: limit.rlim_cur), bytes < Int.max / 2 else { return nil }
        let pages = contents("/proc/self/statm")?.split(separator: " ").first.flatMap { Int($0) } ?? 0
        return max(0, bytes - pages * Int(sysconf(Int32(_SC_PAGESIZE))))
    }

    private static func contents(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8]()
        var chunk = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 20 {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What Linux says of memory in files, read through a function so that tests can bring their own.
struct SystemFiles {
    /// The text of a file; nil where there is none.
    let contents: (String) -> String?

    /// `MemAvailable` of Linux.
    var machineBytes: Int? {
        guard let text = contents("/proc/meminfo") else { return nil }
        return field("MemAvailable:", in: text).flatMap {
            let (bytes, overflow) = $0.multipliedReportingOverflow(by: 1024)
            return $0 < 0 || overflow ? nil : bytes
        }
    }

    /// Limit minus use of this process's group and every group above it; file pages count as free, as they can be dropped.
    var controlGroupBytes: Int? {
        guard let membership = contents("/proc/self/cgroup") else { return nil }
        var smallest: Int?
        for line in membership.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isUnified = parts[0] == "0" && parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains("memory") else { continue }
            let root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
            let names =
                isUnified
                ? ("memory.max", "memory.current") : ("memory.limit_in_bytes", "memory.usage_in_bytes")
            var path = parts[2].split(separator: "/")
            while true {
                let group = ([root[...]] + path).joined(separator: "/")
                if let left = bytesLeft(group, limit: names.0, use: names.1) {
                    smallest = min(smallest ?? left, left)
                }
                if path.isEmpty { break }
                path.removeLast()
            }
        }
        return smallest
    }

    private func bytesLeft(_ group: String, limit: String, use: String) -> Int? {
        guard let limit = number(group + "/" + limit), let use = number(group + "/" + use) else { return nil }
        let statistics = contents(group + "/memory.stat") ?? ""
        let droppable =
            (field("inactive_file", in: statistics) ?? 0) + (field("active_file", in: statistics) ?? 0)
        return max(0, limit - max(0, use - droppable))
    }

    private func number(_ path: String) -> Int? {
        // "max" and numbers near 2⁶³ mean no limit.
        guard let text = contents(path), let value = Int(text.prefix { $0 != "\n" }) else { return nil }
        return value < Int.max / 2 ? value : nil
    }

    /// The first number after `name` at the beginning of a line.
    private func field(_ name: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count >= 2, words[0] == name { return Int(words[1]) }
        }
        return nil
    }
}
