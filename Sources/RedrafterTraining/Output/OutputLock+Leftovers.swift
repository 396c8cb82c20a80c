import RedrafterFormats

extension OutputLock {
    /// Removes what processes that were stopped have left of outputs that they were writing into the directory.
    ///
    /// Only names that `AtomicFile` gives to the temporary files of such outputs are ours to remove.
    /// - Parameter isOutput: whether the holder of the lock writes an output of this name.
    /// - Returns: one sentence for each that cannot be removed.
    public func removeLeftovers(of isOutput: (String) -> Bool) -> [String] {
        Self.removing(from: directory) { name in
            AtomicFile.destination(ofTemporary: name).map(isOutput) ?? false
        }
    }

    /// Removes the files and directories of some names.
    /// - Returns: one sentence for each that cannot be removed.
    static func removing(from directory: String, where isLeftover: (String) -> Bool) -> [String] {
        var problems = [String]()
        do {
            for name in try FilePath.names(in: directory) where isLeftover(name) {
                do {
                    try OutputDirectory.remove(FilePath.join(directory, name))
                } catch {
                    problems.append(error.description)
                }
            }
        } catch {
            problems.append(error.description)
        }
        return problems
    }
}
