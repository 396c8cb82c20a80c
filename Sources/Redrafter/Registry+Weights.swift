import RedrafterCore
import RedrafterFormats

extension Registry {
    // MARK: What `auto` means

    /// The text itself is looked up in any case: that costs next to nothing, and the expensive drafter is asked only where the text
    /// promises less.
    private static func automaticDrafter(with weighted: String?) -> String {
        weighted.map { "\($0)+lookup" } ?? "lookup"
    }

    /// The name that `auto` stands for: weights that were passed are meant to be used, then those shipped that fit the model.
    /// - Throws: `DrafterError.unreadable` where a file of weights is.
    public func automaticDrafter(
        for target: DraftTarget, _ options: SpeculationOptions = SpeculationOptions()
    ) throws(DrafterError) -> String {
        if let named = weightedDrafters.first(where: { options.drafterPaths[$0.name] != nil }) {
            return Self.automaticDrafter(with: named.name)
        }
        if let path = options.drafterOptions.path {
            let kind = try DrafterWeights.read(path, kinds: kinds).configuration.kind
            return Self.automaticDrafter(with: weightedDrafters.first { $0.kind == kind }?.name)
        }
        for drafter in drafters where drafter.isAutomatic {
            for shipped in shippedDrafters(of: drafter.name) {
                if try shipped.mismatch(with: target) == nil {
                    return Self.automaticDrafter(with: drafter.name)
                }
            }
        }
        return Self.automaticDrafter(with: nil)
    }

    // MARK: Which weights a drafter gets

    /// Those of a file where one is named, with a warning where they are damaged; else the first that are shipped and fit.
    func weights(
        of drafter: String, _ kind: DrafterKind, path: String?, for target: DraftTarget
    ) throws(DrafterError) -> DrafterWeights {
        if let path {
            var weights = try DrafterWeights.read(path, kinds: kinds)
            if let damage = weights.damage { weights.warnings.append(damage) }
            return weights
        }
        var differences = [String]()
        let shipped = shippedDrafters.filter { $0.kind == kind }
        for candidate in shipped {
            guard let mismatch = try candidate.mismatch(with: target) else { return try candidate.read() }
            differences.append(mismatch.description)
        }
        guard let difference = differences.first else { throw .missingWeights(drafter: drafter) }
        throw .noShippedWeights(drafter: drafter, models: shipped.map(\.model), difference: difference)
    }

    /// The weights that the program carries for a drafter; none for one that needs none.
    public func shippedDrafters(of drafter: String) -> [ShippedDrafter] {
        guard let kind = kind(of: drafter) else { return [] }
        return shippedDrafters.filter { $0.kind == kind }
    }

    private var weightedDrafters: [(name: String, kind: DrafterKind)] {
        drafters.compactMap { drafter in kind(of: drafter.name).map { (drafter.name, $0) } }
    }
}

extension ShippedDrafter {
    /// Why it cannot draft for a model; nil where it can.
    /// - Throws: `DrafterError.unreadable` where its bytes are no drafter.
    public func mismatch(with target: DraftTarget) throws(DrafterError) -> DrafterError? {
        let weights = try read()
        do throws(DrafterError) {
            try weights.check(against: target)
            return nil
        } catch {
            return error
        }
    }

    fileprivate func read() throws(DrafterError) -> DrafterWeights {
        try wrapping(DrafterError.reading, try weights())
    }
}

extension DrafterWeights {
    /// The weights in a file or folder, with an error that drafters throw.
    static func read(_ path: String, kinds: [DrafterKind]) throws(DrafterError) -> DrafterWeights {
        try wrapping(DrafterError.reading, try DrafterWeights(path: path, kinds: kinds))
    }
}

extension DrafterError {
    fileprivate static func reading(_ error: FormatError) -> DrafterError { .unreadable(Cause(error)) }
}
