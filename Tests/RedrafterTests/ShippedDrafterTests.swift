import BundledDrafters
import MedusaDrafter
import RecurrentDrafter
import Redrafter
import RedrafterCore
import RedrafterDrafters
import RedrafterFormats
import RedrafterTesting
import Testing

private let prompt: [Int32] = [5, 9, 2, 5, 9]

/// A toy drafter as a program would carry it. The bytes are never freed, like those of a binary.
private func shipped(
    _ toy: ToyDrafter, name: String = "toy", model: String = "Toy"
) throws -> ShippedDrafter {
    let directory = TemporaryDirectory()
    try DrafterWriter.write(try toy.weights(), to: directory.file("drafter.gguf"), layout: .gguf, type: nil)
    let file = try MappedFile(path: directory.file("drafter.gguf"))
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: file.bytes.count, alignment: 64)
    bytes.copyMemory(from: file.bytes)
    return ShippedDrafter(
        name: name, model: model, kind: toy.configuration.kind, bytes: UnsafeRawBufferPointer(bytes))
}

private func fitting(_ toy: ToyDrafter) throws -> ToyDrafter {
    var toy = toy
    toy.fingerprint = try toyModel().fingerprint
    return toy
}

private func registry(_ drafters: ShippedDrafter...) -> Registry {
    var registry = Registry.standard
    registry.register(drafters)
    return registry
}

@Suite("Shipped drafters") struct ShippedDrafterTests {
    private let recurrent = ToyDrafter.recurrent(hidden: 64, vocabulary: 64)
    private let medusa = ToyDrafter.medusa(hidden: 64, vocabulary: 64)

    /// Of the same shape, but trained for a model with another number of layers.
    private func stranger(_ toy: ToyDrafter) throws -> ToyDrafter {
        var toy = try fitting(toy)
        toy.fingerprint?.layers += 1
        return toy
    }

    private func answer(_ registry: Registry, _ options: SpeculationOptions) throws -> GenerationResult {
        let generator = try TextGenerator(try toyModel(registry: registry), speculation: options)
        return try generator.generate(prompt, GenerationParameters(maximumTokens: 24))
    }

    @Test("Weights that fit are used by name and by auto, and change no token")
    func fits() throws {
        let registry = try registry(
            shipped(fitting(medusa), name: "heads"), shipped(fitting(recurrent), name: "net"))
        let plain = try answer(registry, .none)
        for (asked, got) in [
            ("auto", "rnn+lookup"), ("rnn", "rnn"), ("medusa", "medusa"), ("medusa+rnn", "medusa+rnn"),
        ] {
            let result = try answer(registry, SpeculationOptions(drafter: asked))
            #expect(result.drafter == got)
            #expect(result.tokens == plain.tokens)
        }
    }

    @Test(
        "Weights for another model leave lookup to auto, and are an error where they were asked for by name")
    func doesNotFit() throws {
        let registry = try registry(shipped(stranger(recurrent), model: "Other-7B"))
        #expect(try answer(registry, SpeculationOptions()).drafter == "lookup")
        for name in ["rnn", "rnn+lookup"] {
            let error = #expect(throws: RedrafterError.self) {
                try answer(registry, SpeculationOptions(drafter: name))
            }
            #expect(
                caseName(of: error) == "drafter.noShippedWeights"
                    && error?.hint?.contains("file of weights") == true)
            let text = error?.description ?? ""
            #expect(
                text.contains("Other-7B") && text.contains("number of layers 3, the model has 2"), "\(text)")
        }
        let medusa = #expect(throws: RedrafterError.self) {
            try answer(registry, SpeculationOptions(drafter: "medusa"))
        }
        #expect(medusa == .drafter(.missingWeights(drafter: "medusa")))
    }

    @Test("Among several the first that fits is used, and a file goes before them")
    func several() throws {
        let registry = try registry(
            shipped(stranger(recurrent), name: "a"), shipped(fitting(recurrent), name: "b"))
        #expect(try answer(registry, SpeculationOptions()).drafter == "rnn+lookup")
        #expect(try answer(registry, SpeculationOptions(drafter: "rnn")).drafter == "rnn")

        let directory = TemporaryDirectory()
        let path = directory.file("file.gguf")
        try DrafterWriter.write(try fitting(medusa).weights(), to: path, layout: .gguf, type: nil)
        var options = SpeculationOptions()
        options.drafterOptions.path = path
        #expect(try answer(registry, options).drafter == "medusa+lookup")
        options = SpeculationOptions()
        options.drafterPaths["medusa"] = path
        #expect(try answer(registry, options).drafter == "medusa+lookup")
        options.drafter = "rnn"
        #expect(try answer(registry, options).drafter == "rnn")
    }

    @Test("Damaged weights are an error, also for auto")
    func damaged() throws {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 7)
        let broken = ShippedDrafter(
            name: "broken", model: "Toy", kind: .recurrent, bytes: UnsafeRawBufferPointer(bytes))
        let error = #expect(throws: RedrafterError.self) {
            try answer(registry(broken), SpeculationOptions())
        }
        guard case .drafter(.unreadable(let cause))? = error else {
            Issue.record("\(error as Any)")
            return
        }
        #expect((cause.error as? FormatError)?.isOfContent == true && cause.description.contains("broken"))
    }

    @Test("A registry without drafters of a kind leaves their weights alone")
    func bareRegistry() throws {
        var registry = Registry()
        registry.register(try [shipped(fitting(recurrent))])
        let target = try toyModel().draftTarget
        #expect(try registry.automaticDrafter(for: target) == "lookup")
        #expect(Registry.standard.shippedDrafters.isEmpty)
    }

    @Test("The listing names what is shipped, for which model, and whether it fits")
    func listing() throws {
        let shippedNet = try shipped(fitting(recurrent), name: "net")
        let registry = try registry(shippedNet, shipped(stranger(medusa), name: "heads", model: "Other"))
        let listing = try DrafterListing(registry, for: try toyModel().draftTarget)
        #expect(listing.automatic == "rnn+lookup")
        #expect(listing.entries.map(\.drafter.name) == ["none", "lookup", "rnn", "medusa"])
        let (net, heads) = (listing.entries[2].shipped, listing.entries[3].shipped)
        #expect(net.map(\.fits) == [true] && net[0].difference == nil)
        #expect(net[0].byteCount == shippedNet.byteCount)
        #expect(heads.map(\.fits) == [false] && heads[0].model == "Other")
        #expect(heads[0].difference?.contains("layers") == true)
        let open = try DrafterListing(registry)
        #expect(open.automatic == nil && open.entries[2].shipped.map(\.fits) == [nil])
    }

    @Test("Those of the package are whole, of their kind and say which model they were trained for")
    func package() throws {
        for drafter in ShippedDrafters.all {
            let weights = try drafter.weights()
            #expect(weights.configuration.kind == drafter.kind)
            #expect(weights.fingerprint != nil && weights.warnings.isEmpty, "\(drafter.name)")
        }
    }

    @Test(
        "Those of the package fit the default model",
        .enabled(if: DefaultModel.isAvailable, "\(DefaultModel.howToGet)"))
    func defaultModel() throws {
        let target = try Model.draftTarget(path: DefaultModel.path)
        for drafter in ShippedDrafters.all {
            #expect(try drafter.mismatch(with: target) == nil, "\(drafter.name)")
        }
        let model = try Model.load(path: DefaultModel.path, options: ModelOptions(contextLength: 16))
        #expect(target.fingerprint == model.fingerprint && target.tokenCount == model.tokenCount)
    }
}
