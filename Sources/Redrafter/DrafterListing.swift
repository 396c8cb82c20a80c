import RedrafterCore
import RedrafterFormats

/// The drafters of a registry, with the weights that the program carries for them.
public struct DrafterListing: Sendable {
    /// Weights that the program carries.
    public struct Shipped: Sendable, Hashable {
        public let name: String
        /// The model they were made for, as people call it.
        public let model: String
        public let byteCount: Int
        /// Whether they can draft for the model in question; nil where there is none.
        public let fits: Bool?
        /// The first difference between their model and the one in question.
        public let difference: String?
    }

    /// A drafter and its weights.
    public struct Entry: Sendable, Hashable {
        public let drafter: DrafterDescription
        /// Empty for drafters that need none, too.
        public let shipped: [Shipped]
    }

    /// In the order of registration.
    public let entries: [Entry]
    /// What `auto` stands for; nil without a model.
    public let automatic: String?

    /// - Parameters:
    ///   - registry: the plug-ins and weights of the program.
    ///   - target: the model that they are to fit; see `Model.draftTarget(path:options:)`.
    /// - Throws: `DrafterError.unreadable` where shipped weights are damaged.
    public init(_ registry: Registry, for target: DraftTarget? = nil) throws(DrafterError) {
        var entries = [Entry]()
        for drafter in registry.drafters {
            var shipped = [Shipped]()
            for weights in registry.shippedDrafters(of: drafter.name) {
                shipped.append(try Shipped(weights, for: target))
            }
            entries.append(Entry(drafter: drafter, shipped: shipped))
        }
        self.entries = entries
        if let target { automatic = try registry.automaticDrafter(for: target) } else { automatic = nil }
    }
}

extension DrafterListing.Shipped {
    fileprivate init(_ shipped: ShippedDrafter, for target: DraftTarget?) throws(DrafterError) {
        (name, model, byteCount) = (shipped.name, shipped.model, shipped.byteCount)
        guard let target else {
            (fits, difference) = (nil, nil)
            return
        }
        let mismatch = try shipped.mismatch(with: target)
        (fits, difference) = (mismatch == nil, mismatch?.description)
    }
}
