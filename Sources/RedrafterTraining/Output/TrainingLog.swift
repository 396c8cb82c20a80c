import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

/// The record of a training run: one JSON object a line, each with the member `step`, appended as the run
/// goes.
///
///     {"step":10,"loss":7.25,"learning_rate":0.001}
///     {"step":100,"eval":{"loss":6.5,"top1":[0.31,0.22],"tokens_per_step":1.4}}
///
/// A line reaches the system as a whole and at once, so that others can follow the file; where the disk is
/// full, the part of it that was written is taken back. Lines of steps that a resumed run takes again are cut
/// off. The log is written in place: a file of its name that is no log, or a link, is refused.
public final class TrainingLog {
    /// The file.
    public let path: String
    /// Lines that were cut off when the log was opened: those of later steps, and damaged ones.
    public let dropped: Int
    private let descriptor: Int32

    /// Opens the log of a run that goes on after `step`; 0 for a new run. The file is made where it is
    /// missing.
    /// - Throws: `TrainingError.output`, `.foreignFile` where the name is taken by a file without a line of
    ///   a log, by a link or a device, and `.format` where the file cannot be read. It is unchanged then.
    public init(path: String, keepingThrough step: Int) throws(TrainingError) {
        self.path = path
        try InPlaceFile.check(path)
        dropped = OutputDirectory.exists(path) ? try Self.cut(path, after: step) : 0
        descriptor = try InPlaceFile.open(path, O_WRONLY | O_APPEND)
    }

    deinit { close(descriptor) }

    /// Appends a line: the step, then these members. NaN and infinities become `null`.
    /// - Throws: `TrainingError.output`; the file ends with the line before then.
    public func append(step: Int, _ members: KeyValuePairs<String, JSONValue>) throws(TrainingError) {
        let members = [(ByteSlice("step"), .integer(step))] + members.map { (ByteSlice($0.key), $0.value) }
        let line = JSONValue.object(JSONObject(members)).encoded() + [0x0A]
        let start = lseek(descriptor, 0, SEEK_END)
        var done = 0
        while done < line.count {
            let count = line.withUnsafeBytes {
                systemWrite(descriptor, $0.baseAddress! + done, line.count - done)
            }
            if count > 0 {
                done += count
            } else if count == 0 || errno != EINTR {
                let code = errno
                if done > 0, start >= 0 { _ = ftruncate(descriptor, start) }
                throw .output(.inputOutput(file: path, operation: "write", reason: SystemError.text(code)))
            }
        }
    }

    /// Makes all lines durable; call it with each checkpoint.
    public func sync() throws(TrainingError) {
        // EINVAL: a file system that cannot flush.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw .output(
                .inputOutput(file: path, operation: "flush to disk", reason: SystemError.text(errno)))
        }
    }

    /// The lines of a log in order, and how many lines were damaged: no object, or without a step.
    /// - Throws: `TrainingError.format` where the file cannot be read.
    public static func entries(path: String) throws(TrainingError) -> (entries: [JSONValue], damaged: Int) {
        var (entries, damaged) = ([JSONValue](), 0)
        try forEachLine(path) { _, entry in
            if let entry { entries.append(entry) } else { damaged += 1 }
        }
        return (entries, damaged)
    }

    /// Writes the log anew without the lines of later steps and without damaged ones, where there are such.
    private static func cut(_ path: String, after step: Int) throws(TrainingError) -> Int {
        var (kept, dropped, isLog) = ([UInt8](), 0, false)
        try forEachLine(path) { line, entry in
            // The first line of a run that was stopped while it was written.
            isLog = isLog || entry != nil || line.starts(with: beginning)
            if let entry, let its = entry["step"]?.integer, its <= step {
                kept += line + [0x0A]
            } else {
                dropped += 1
            }
        }
        guard dropped > 0 else { return 0 }
        guard isLog else { throw .foreignFile(file: path, found: "a file that is no log of training") }
        do {
            let file = try AtomicFile(path: path, expectedBytes: kept.count)
            try file.write(kept)
            try file.commit()
        } catch {
            throw .output(error)
        }
        return dropped
    }

    /// How a line begins.
    private static let beginning = Array("{\"step\":".utf8)

    /// Lends each line that is not empty, and its object; nil for a damaged one. A last line without its end
    /// is damaged: it was being written.
    private static func forEachLine(
        _ path: String, _ body: ([UInt8], JSONValue?) -> Void
    ) throws(TrainingError) {
        let file = try wrapping(TrainingError.format, try MappedFile(path: path))
        let bytes = withExtendedLifetime(file) { [UInt8](file.bytes) }
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            let line = [UInt8](rest[..<end])
            rest = rest[(end + 1)...]
            guard !line.isEmpty else { continue }
            do {
                let entry = try JSONValue(parsing: line, path: path)
                body(line, entry["step"]?.integer == nil ? nil : entry)
            } catch {
                body(line, nil)
            }
        }
        if !rest.isEmpty { body([UInt8](rest), nil) }
    }
}

/// `write` of the system, which a method of the same name hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
