extension StaticTree {
    /// Shapes that users of other programs know, by name. Each word is a path, each digit a rank.
    private static let known: KeyValuePairs = [
        // Medusa's mc_sim_7b_63, for four heads or more.
        "medusa-63": """
        0 1 2 3 4 5 6 7 8 9 00 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 20 21 22 30 31 40 50 60 70 80 90 \
        000 001 002 003 004 005 006 007 008 009 010 011 012 020 021 030 040 050 060 070 100 101 200 0000 0001
        """,
        // EAGLE's tree of the same name.
        "eagle-25": """
        0 1 2 3 00 01 02 10 11 20 21 30 000 001 002 010 011 020 021 100 0000 0001 0002 00000 00001
        """,
        // Seven guesses: the best four tokens in a chain, and the runners-up of the first two.
        "static": "0 1 00 01 10 000 0000",
    ]

    /// Names for `paths(named:)`.
    public static var knownNames: [String] { known.map(\.key) }

    /// The paths of a known shape; nil for other names.
    public static func paths(named name: String) -> [[Int]]? {
        known.first { $0.key == name }?.value.split(separator: " ").map { $0.compactMap(\.wholeNumberValue) }
    }
}
