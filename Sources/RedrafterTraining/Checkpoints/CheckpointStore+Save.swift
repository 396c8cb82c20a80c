import RedrafterCore
import RedrafterFormats

extension CheckpointStore {
    /// What a save did.
    public struct Saved: Sendable {
        /// The checkpoint's directory.
        public var path: String
        /// Its size.
        public var bytes: Int
        /// Names of older checkpoints that were removed.
        public var removed: [String]
        /// One sentence for each older one, or rest of one, that could not be removed: the save itself is
        /// complete.
        public var warnings: [String]
    }

    /// Puts a checkpoint on the disk; then removes older ones beyond `keep`.
    ///
    /// Each file is written under another name, flushed, renamed and its directory flushed, the manifest
    /// last; then the directory gets its name. A process or a machine that stops at any moment leaves the
    /// checkpoints that were there.
    /// - Throws: `TrainingError.nonFinite` before anything is written; `.output` where the disk has no room
    ///   (said before writing where the system knows), fails, or may not be written. All older checkpoints
    ///   are intact then.
    @discardableResult
    public func save(_ checkpoint: TrainingCheckpoint) throws(TrainingError) -> Saved {
        precondition(checkpoint.step >= 0, "a checkpoint of step \(checkpoint.step)")
        try checkpoint.checkFinite()
        do {
            try OutputDirectory.create(directory)
            let problems = removeLeftovers()
            let entry = try unusedEntry(checkpoint.step)
            let partial = path(entry) + Self.partial
            var isComplete = false
            // What is left of a failed save goes with it or, where it cannot be removed now, with the next
            // one.
            defer {
                if !isComplete { do { try OutputDirectory.remove(partial) } catch {} }
            }
            let bytes = try write(checkpoint, to: partial)
            try OutputDirectory.move(partial, to: path(entry))
            isComplete = true
            try AtomicFile.syncDirectory(directory, file: directory)
            let (removed, warnings) = try prune(after: entry)
            return Saved(
                path: path(entry), bytes: bytes, removed: removed, warnings: problems + warnings)
        } catch {
            throw .output(error)
        }
    }

    /// A name that nothing has, with and without the ending of an incomplete one: what a link of either name
    /// points to is never written into.
    private func unusedEntry(_ step: Int) throws(FormatError) -> Entry {
        let names = try FilePath.names(in: directory)
        let entries = names.compactMap { Entry(name: $0) ?? Entry(leftover: $0) }
        let taken = entries.filter { $0.step == step }.map(\.number).max() ?? 0
        return Entry(step: step, number: taken + 1)
    }

    private func write(_ checkpoint: TrainingCheckpoint, to partial: String) throws(FormatError) -> Int {
        let state = checkpoint.state.encoded(isPretty: true) + [0x0A]
        let values = checkpoint.tensors.reduce(CheckedSize(state.count)) {
            $0 + CheckedSize($1.values.count) * 4
        }
        // Names, shapes and offsets of the header, the manifest, and what the file system adds.
        let overhead = checkpoint.tensors.reduce(16384) { $0 + $1.name.utf8.count + 256 }
        guard let needed = (values + overhead).value else {
            throw .overflow(
                file: partial, what: "the checkpoint", got: "\(checkpoint.tensors.count) tensors", offset: nil
            )
        }
        try AtomicFile.checkSpace(partial, needed: needed)
        try OutputDirectory.make(partial)
        let files = [
            try writeTensors(checkpoint, to: FilePath.join(partial, Self.tensorsFile)),
            try writeText(state, to: FilePath.join(partial, Self.stateFile)),
        ]
        let manifest = CheckpointManifest(step: checkpoint.step, files: files).encoded()
        let last = try writeText(manifest, to: FilePath.join(partial, CheckpointManifest.fileName))
        return files.reduce(last.bytes) { $0 + $1.bytes }
    }

    private func writeTensors(
        _ checkpoint: TrainingCheckpoint, to path: String
    ) throws(FormatError) -> CheckpointManifest.File {
        var digest = SHA256()
        var bytes = 0
        let writer = SafetensorsWriter(
            path: path, metadata: [("format", CheckpointManifest.format), ("step", "\(checkpoint.step)")],
            observer: { piece in
                digest.add(piece)
                bytes += piece.count
            })
        for tensor in checkpoint.tensors {
            precondition(
                CheckedSize(product: tensor.shape).value == tensor.values.count,
                "tensor \(tensor.name) of shape \(tensor.shape) with \(tensor.values.count) values")
            try writer.declare(tensor.name, type: .f32, shape: tensor.shape)
        }
        for tensor in checkpoint.tensors {
            try tensor.values.withUnsafeBufferPointer { (values) throws(FormatError) in
                try writer.append(UnsafeRawBufferPointer(values))
            }
        }
        try writer.finish()
        return .init(name: Self.tensorsFile, bytes: bytes, sha256: digest.finish())
    }

    private func writeText(_ text: [UInt8], to path: String) throws(FormatError) -> CheckpointManifest.File {
        let file = try AtomicFile(path: path, expectedBytes: text.count)
        try file.write(text)
        try file.commit()
        return .init(name: FilePath.name(of: path), bytes: text.count, sha256: SHA256.hexadecimal(text))
    }
}

extension CheckpointStore {
    /// Removes what an interrupted save or removal has left; a run does it when it begins, too. Hold an
    /// `OutputLock`.
    /// - Returns: one sentence for each that cannot be removed.
    public func removeLeftovers() -> [String] {
        OutputLock.removing(from: directory) { Entry(leftover: $0) != nil }
    }

    /// Removes complete checkpoints before the `keep` newest that end with `saved`, and damaged ones before
    /// it.
    ///
    /// Those of later steps stay: they can only be damaged, and a newer save of their step will replace them.
    private func prune(after saved: Entry) throws(FormatError) -> (removed: [String], warnings: [String]) {
        var (kept, removed, warnings) = (1, [String](), [String]())
        for entry in try entries() where entry < saved {
            if kept < keep, entry.step < saved.step, isComplete(entry) {
                kept += 1
                continue
            }
            do {
                // Under this name it is no checkpoint any more, whenever the removal is cut short.
                let doomed = path(entry) + Self.partial
                try OutputDirectory.move(path(entry), to: doomed)
                try OutputDirectory.remove(doomed)
                removed.append(entry.name)
            } catch {
                warnings.append(error.description)
            }
        }
        return (removed, warnings)
    }

    /// Whether manifest and sizes are right; reads no tensors.
    private func isComplete(_ entry: Entry) -> Bool {
        do {
            let manifest = try CheckpointManifest(
                path: FilePath.join(path(entry), CheckpointManifest.fileName))
            for file in manifest.files {
                let size = try MappedFile(path: FilePath.join(path(entry), file.name)).bytes.count
                guard size == file.bytes else { return false }
            }
            return manifest.step == entry.step
        } catch {
            return false
        }
    }
}
