import RedrafterFormats

/// Compares the settings that a checkpoint was made under with those of the run that wants to go on from it.
public enum CheckpointSettings {
    /// A setting that is not what it was.
    public struct Difference: Sendable, Equatable {
        /// The path of the member: `data.sha256`, `betas[1]`.
        public var key: String
        /// Its value in the checkpoint, as short text.
        public var stored: String
        /// Its value now.
        public var current: String
    }

    /// All differences in the order of the stored settings, then the members that are new. The order of
    /// members is none; numbers are equal by value; null is as good as absent.
    public static func differences(stored: JSONValue, current: JSONValue) -> [Difference] {
        var found = [Difference]()
        compare(stored, current, key: "", &found)
        return found
    }

    /// Refuses settings that differ.
    /// - Parameters:
    ///   - stored: the settings that were written.
    ///   - current: those of this run.
    ///   - file: the checkpoint, for the error.
    ///   - tolerated: keys that may differ, members of theirs included: `threads`.
    /// - Returns: the differences that were tolerated: the run is not reproducible bit for bit then.
    /// - Throws: `TrainingError.mismatch` with the first that is not tolerated.
    @discardableResult
    public static func check(
        stored: JSONValue, current: JSONValue, file: String, tolerated: Set<String> = []
    ) throws(TrainingError) -> [Difference] {
        let all = differences(stored: stored, current: current)
        let first = all.first { difference in
            !tolerated.contains { key in
                difference.key == key || difference.key.hasPrefix(key + ".")
                    || difference.key.hasPrefix(key + "[")
            }
        }
        if let first {
            throw .mismatch(file: file, key: first.key, stored: first.stored, current: first.current)
        }
        return all
    }

    private static func compare(
        _ stored: JSONValue, _ current: JSONValue, key: String, _ found: inout [Difference]
    ) {
        switch (stored, current) {
        case (.object(let old), .object(let new)):
            for (name, value) in old {
                let path = (key.isEmpty ? "" : key + ".") + (name.string ?? name.escaped())
                if let other = new[name] {
                    compare(value, other, key: path, &found)
                } else if value != .null {
                    found.append(Difference(key: path, stored: value.summary, current: "absent"))
                }
            }
            for (name, value) in new where old[name] == nil && value != .null {
                let path = (key.isEmpty ? "" : key + ".") + (name.string ?? name.escaped())
                found.append(Difference(key: path, stored: "absent", current: value.summary))
            }
        case (.array(let old), .array(let new)) where old.count == new.count:
            for index in old.indices { compare(old[index], new[index], key: "\(key)[\(index)]", &found) }
        default:
            let areIntegers = stored.integer != nil && current.integer != nil
            let isSameNumber = !areIntegers && stored.double != nil && stored.double == current.double
            guard stored != current, !isSameNumber else { return }
            found.append(Difference(key: key, stored: stored.summary, current: current.summary))
        }
    }
}
