import RedrafterCore
import RedrafterFormats

/// The checkpoints of a training run in a directory.
///
///     checkpoint-00000100/           appears under its name when all of it is on the disk
///         tensors.safetensors        weights and moments, F32
///         state.json                 schedule, place in the data, random state, settings
///         manifest.json              step, and size and SHA-256 of the other two
///     checkpoint-00000200.partial/   being written, or being removed; never read
///
/// No complete checkpoint is ever written over: a step that is saved again gets a name of its own
/// (`checkpoint-00000100-2`) and then replaces the first. One process at a time may save: hold an
/// `OutputLock`.
public struct CheckpointStore: Sendable {
    /// The directory of the run.
    public let directory: String
    /// Complete checkpoints that stay.
    public let keep: Int

    static let tensorsFile = "tensors.safetensors"
    static let stateFile = "state.json"
    static let partial = ".partial"

    /// The store of a directory, which need not exist yet.
    /// - Parameters:
    ///   - directory: of the run.
    ///   - keep: complete checkpoints that stay after a save, at least one.
    public init(directory: String, keep: Int = 2) {
        precondition(keep >= 1, "a store that keeps nothing")
        self.directory = directory
        self.keep = keep
    }

    /// A checkpoint's directory as its name tells it.
    struct Entry: Equatable, Comparable {
        var name: String
        var step: Int
        /// 1, more where a step was saved again.
        var number: Int

        static func < (a: Entry, b: Entry) -> Bool { (a.step, a.number) < (b.step, b.number) }

        init(step: Int, number: Int) {
            let digits = String(step)
            let padded = String(repeating: "0", count: max(0, 8 - digits.count)) + digits
            name = "checkpoint-" + padded + (number > 1 ? "-\(number)" : "")
            self.step = step
            self.number = number
        }

        /// Nil for what is no name of a checkpoint.
        init?(name: String) {
            let parts = name.split(separator: "-", omittingEmptySubsequences: false)
            guard (2...3).contains(parts.count), parts[0] == "checkpoint", let step = Int(parts[1]),
                let number = parts.count == 3 ? Int(parts[2]) : 1, step >= 0, number >= 1
            else { return nil }
            self.init(step: step, number: number)
            guard self.name == name else { return nil }
        }

        /// The checkpoint that was being written, or removed, under a name; nil for other names.
        init?(leftover name: String) {
            guard name.hasSuffix(CheckpointStore.partial) else { return nil }
            self.init(name: String(name.dropLast(CheckpointStore.partial.count)))
        }
    }

    /// Whether the directory holds a checkpoint, complete or damaged, or what is left of one; false where there is no
    /// directory.
    /// - Throws: `TrainingError.format` where the directory cannot be read.
    public func hasTraces() throws(TrainingError) -> Bool {
        guard OutputDirectory.exists(directory) else { return false }
        let names = try wrapping(TrainingError.format, try FilePath.names(in: directory))
        return names.contains { Entry(name: $0) != nil || Entry(leftover: $0) != nil }
    }

    /// What is in the directory under the name of a checkpoint, newest first; nothing where there is no
    /// directory.
    func entries() throws(FormatError) -> [Entry] {
        guard OutputDirectory.exists(directory) else { return [] }
        return try FilePath.names(in: directory).compactMap(Entry.init(name:)).sorted(by: >)
    }

    func path(_ entry: Entry) -> String { FilePath.join(directory, entry.name) }
}
