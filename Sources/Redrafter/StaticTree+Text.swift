import RedrafterCore
import RedrafterFormats

extension StaticTree {
    /// How a list of paths begins.
    static let listPrefix = "["

    /// From the name of a known shape (`knownNames`), or a list of paths as JSON, such as `[[0], [0, 0], [1]]`.
    /// - Throws: `ParameterError.outOfRange`.
    init(text: String) throws(ParameterError) {
        if let known = Self.paths(named: text) {
            try self.init(paths: known)
        } else {
            try self.init(paths: try Self.paths(json: text))
        }
    }

    private static func paths(json text: String) throws(ParameterError) -> [[Int]] {
        let list: [JSONValue]
        do {
            list = try JSONValue(parsing: text.utf8, path: "tree").array ?? []
        } catch {
            throw .outOfRange(name: "tree", got: error.description, allowed: "a list of paths, as JSON")
        }
        return try list.map { (item) throws(ParameterError) in
            let ranks = item.array?.compactMap(\.integer) ?? []
            guard ranks.count == item.array?.count else {
                throw .outOfRange(name: "tree path", got: item.summary, allowed: "a list of ranks")
            }
            return ranks
        }
    }
}
