import RedrafterCore
import RedrafterFormats

extension CheckpointStore {
    /// A checkpoint read back.
    public struct Loaded: Sendable {
        public var checkpoint: TrainingCheckpoint
        /// Its directory.
        public var path: String
        /// One sentence for each newer checkpoint that is damaged, newest first; say them to the user.
        public var skipped: [String]
    }

    /// The newest checkpoint that is intact; nil where there is none at all.
    ///
    /// Every byte is checked against the manifest's digests before it is used.
    /// - Throws: `TrainingError.noUsableCheckpoint` where all are damaged: a run never starts from scratch
    ///   unnoticed; `.newerCheckpoint` where the newest intact one is of a later version.
    public func load() throws(TrainingError) -> Loaded? {
        let entries = try wrapping(TrainingError.format, try self.entries())
        var skipped = [String]()
        for entry in entries {
            do {
                return Loaded(checkpoint: try load(entry), path: path(entry), skipped: skipped)
            } catch .format(let error) {
                skipped.append("\(entry.name): \(Self.reason(error))")
            }
        }
        guard skipped.isEmpty else { throw .noUsableCheckpoint(directory: directory, reasons: skipped) }
        return nil
    }

    /// An error about a file of a checkpoint, with the file's name only.
    private static func reason(_ error: FormatError) -> String {
        "\(TerminalText.escaped(FilePath.name(of: error.file))): \(error.problem)"
    }

    private func load(_ entry: Entry) throws(TrainingError) -> TrainingCheckpoint {
        let manifestPath = FilePath.join(path(entry), CheckpointManifest.fileName)
        let manifest = try CheckpointManifest(path: manifestPath)
        guard manifest.step == entry.step else {
            throw .format(
                .invalid(
                    file: manifestPath, field: "step", expected: "\(entry.step)", got: "\(manifest.step)",
                    offset: nil))
        }
        do {
            var files = [MappedFile]()
            for file in manifest.files { files.append(try open(file, in: path(entry))) }
            let tensors = try tensors(files[0])
            let text = withExtendedLifetime(files[1]) { [UInt8](files[1].bytes) }
            let state = try JSONValue(parsing: text, path: files[1].path)
            return TrainingCheckpoint(step: manifest.step, tensors: tensors, state: state)
        } catch {
            throw .format(error)
        }
    }

    /// A file with the size and the digest that the manifest says.
    private func open(_ file: CheckpointManifest.File, in directory: String) throws(FormatError) -> MappedFile
    {
        let path = FilePath.join(directory, file.name)
        let mapped = try MappedFile(path: path)
        guard mapped.bytes.count == file.bytes else {
            throw .invalid(
                file: path, field: "the size", expected: "\(file.bytes)", got: "\(mapped.bytes.count)",
                offset: nil)
        }
        let digest = SHA256.hexadecimal(mapped.bytes)
        guard digest == file.sha256 else {
            throw .invalid(
                file: path, field: "the SHA-256", expected: file.sha256, got: digest, offset: nil)
        }
        return mapped
    }

    private func tensors(_ mapped: MappedFile) throws(FormatError) -> [TrainingCheckpoint.Tensor] {
        let file = try SafetensorsFile(file: mapped)
        var tensors = [TrainingCheckpoint.Tensor]()
        for info in file.allTensors {
            guard info.type == .f32 else {
                throw .invalid(
                    file: mapped.path, field: "the type of tensor \"\(info.name)\"", expected: "F32",
                    got: info.type.rawValue, offset: nil)
            }
            let bytes = mapped.bytes(at: info.offset, count: info.byteCount)
            let values = [Float](unsafeUninitializedCapacity: info.byteCount / 4) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                count = info.byteCount / 4
            }
            tensors.append(.init(name: info.name, shape: info.shape, values: values))
        }
        return tensors
    }
}
