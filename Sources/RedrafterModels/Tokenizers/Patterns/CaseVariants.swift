/// The characters that are one without regard to case.
enum CaseVariants {
    static func rule(of scalar: Unicode.Scalar) -> ScalarSet.Rule {
        let variants = of(scalar)
        return .ranges(variants.map { $0.value...$0.value })
    }

    /// Ascending, with the character itself.
    static func of(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        var variants: Set<Unicode.Scalar> = [scalar]
        func add(_ mapping: String) {
            if mapping.unicodeScalars.count == 1, let single = mapping.unicodeScalars.first {
                variants.insert(single)
            }
        }
        add(scalar.properties.lowercaseMapping)
        add(scalar.properties.uppercaseMapping)
        for variant in variants { add(variant.properties.lowercaseMapping) }
        for (letter, sign) in signs where variants.contains(letter) || variants.contains(sign) {
            variants.formUnion([sign, letter])
            add(letter.properties.uppercaseMapping)
        }
        return variants.sorted()
    }

    /// Characters that fold to letters from which no mapping leads back.
    private static let signs: [(Unicode.Scalar, Unicode.Scalar)] = [
        ("s", "\u{17F}"), ("k", "\u{212A}"), ("\u{E5}", "\u{212B}"), ("\u{3C9}", "\u{2126}"),
        ("\u{3BC}", "\u{B5}"),
        ("\u{3C3}", "\u{3C2}"), ("\u{3B2}", "\u{3D0}"), ("\u{3B8}", "\u{3D1}"), ("\u{3C6}", "\u{3D5}"),
        ("\u{3C0}", "\u{3D6}"), ("\u{3BA}", "\u{3F0}"), ("\u{3C1}", "\u{3F1}"), ("\u{3B5}", "\u{3F5}"),
        ("\u{1E61}", "\u{1E9B}"), ("\u{DF}", "\u{1E9E}"),
    ]
}
