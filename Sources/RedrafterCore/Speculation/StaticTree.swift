/// A tree of fixed shape (Medusa, arXiv 2401.10774, section 2.1.2): a list of paths, each a list of ranks. The path `[0, 2]` is
/// the third-best guess for the second token after the best guess for the first.
public struct StaticTree: TreeBuilder {
    public let name = "static"
    /// Paths in the order of their length, each path's beginning among them.
    public let paths: [[Int]]

    /// - Parameter paths: ranks from 0; missing beginnings of paths are added.
    /// - Throws: `ParameterError.outOfRange` where a path is empty, a rank negative, or the tree has more than
    ///   `TreeLimits.maximumRows` nodes.
    public init(paths: [[Int]]) throws(ParameterError) {
        func tooLarge() -> ParameterError {
            .outOfRange(
                name: "tree", got: "more than \(TreeLimits.maximumRows) nodes",
                allowed: "at most \(TreeLimits.maximumRows)")
        }
        // Said before any work: a path is as long as whoever wrote it liked.
        var all = Set<[Int]>()
        for path in paths {
            guard path.count < TreeLimits.maximumRows else { throw tooLarge() }
            guard !path.isEmpty, path.allSatisfy({ (0..<Self.maximumRank).contains($0) }) else {
                throw .outOfRange(
                    name: "tree path", got: "\(path)", allowed: "ranks from 0 to \(Self.maximumRank - 1)")
            }
            for length in 1...path.count { all.insert(Array(path.prefix(length))) }
            guard all.count < TreeLimits.maximumRows else { throw tooLarge() }
        }
        self.paths = all.sorted {
            $0.count != $1.count ? $0.count < $1.count : $0.lexicographicallyPrecedes($1)
        }
    }

    public func budget(_ evidence: DraftingEvidence) -> DraftBudget? {
        let depth = min(evidence.room, paths.last?.count ?? 0)
        return depth > 0
            ? DraftBudget(
                nodes: paths.count, depth: depth, selection: .ranks(paths.filter { $0.count <= depth })) : nil
    }

    /// Keeps the children of each node that have a rank of the shape: children are ranked by their estimates.
    public func build(_ proposal: TokenTree, _ evidence: DraftingEvidence) -> TokenTree {
        var isKept = [Bool](repeating: false, count: proposal.count)
        var places: [[Int]: Int] = [[]: 0]
        for path in paths where path.count <= evidence.room {
            guard let parent = places[Array(path.dropLast())] else { continue }
            let ranked = proposal.children(of: parent).sorted {
                let (left, right) = (proposal.nodes[$0], proposal.nodes[$1])
                return left.logAcceptance != right.logAcceptance
                    ? left.logAcceptance > right.logAcceptance : $0 < $1
            }
            guard let rank = path.last, rank < ranked.count else { continue }
            places[path] = ranked[rank]
            isKept[ranked[rank]] = true
        }
        return proposal.selecting(isKept)
    }

    private static let maximumRank = 1 << 10
}
