import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting

/// What tests do to files.
enum FileTree {
    /// The names in a directory, sorted.
    static func names(_ path: String) -> [String] {
        do { return try FilePath.names(in: path) } catch { return [] }
    }

    static func content(_ path: String) -> [UInt8] {
        do {
            let file = try MappedFile(path: path)
            return withExtendedLifetime(file) { [UInt8](file.bytes) }
        } catch {
            return []
        }
    }

    static func text(_ path: String) -> String { String(decoding: content(path), as: UTF8.self) }

    /// Copies a directory of plain files.
    static func copy(_ path: String, to other: String) {
        mkdir(other, 0o700)
        for name in names(path) { write(content("\(path)/\(name)"), to: "\(other)/\(name)") }
    }

    static func write(_ bytes: [UInt8], to path: String) {
        guard let file = fopen(path, "w") else { return }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    /// Every path below a directory with its bytes.
    static func everything(_ path: String) -> [String: [UInt8]] {
        var all = [String: [UInt8]]()
        for name in names(path) {
            let child = "\(path)/\(name)"
            var status = stat()
            guard lstat(child, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                all.merge(everything(child)) { $1 }
            } else {
                all[child] = content(child)
            }
        }
        return all
    }
}
