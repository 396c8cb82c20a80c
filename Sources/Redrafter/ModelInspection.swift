import RedrafterCore
import RedrafterFormats
import RedrafterModels

/// Whether a model can be run, and which drafters fit it: what its files say, without loading a weight.
public struct ModelInspection: Sendable {
    /// A drafter, and whether it can draft for the model.
    public struct Drafter: Sendable, Hashable {
        public let name: String
        /// Why not; nil where it can.
        public let obstacle: String?
    }

    /// Why it cannot be run; nil where it can.
    public let problem: String?
    /// The numbers of the decoder; nil where the files do not hold a whole model.
    public let configuration: ModelConfiguration?
    /// Empty where the model cannot be run.
    public let drafters: [Drafter]
    /// What `auto` stands for; nil where the model cannot be run.
    public let automaticDrafter: String?
    /// Why its chat template cannot be used, or that it has none; nil where it can. Completion needs none.
    public let chatTemplateProblem: String?
    /// What is odd about the files but no error.
    public let warnings: [String]

    /// - Parameters:
    ///   - path: a GGUF file, or a folder, an index or a file of safetensors.
    ///   - options: the plug-ins, and the backend that is asked which types of weights it takes.
    public init(path: String, options: ModelOptions = ModelOptions()) {
        var configuration: ModelConfiguration?
        do throws(RedrafterError) {
            let files = try ModelFiles.open(path: path)
            configuration = files.configuration
            let target = try Model.draftTarget(files, options: options)
            do {
                _ = try TransformerWeights.byteCount(
                    files.configuration, from: files.weights, on: target.backend)
                try files.configuration.requireHeads(on: target.backend)
            } catch {
                throw .transformer(error)
            }
            let listing = try wrapping(
                RedrafterError.drafter, try DrafterListing(options.registry, for: target))
            drafters = listing.entries.map { Drafter($0) }
            (automaticDrafter, warnings, problem) = (listing.automatic, files.warnings, nil)
            do throws(ChatTemplateError) {
                _ = try files.tokenizer.makeChatTemplate(options.chatTemplate)
                chatTemplateProblem = nil
            } catch {
                chatTemplateProblem = error.description
            }
        } catch {
            (drafters, automaticDrafter, warnings, problem) = ([], nil, [], error.description)
            chatTemplateProblem = nil
        }
        self.configuration = configuration
    }
}

extension ModelInspection.Drafter {
    fileprivate init(_ entry: DrafterListing.Entry) {
        let fits = !entry.drafter.needsWeights || entry.shipped.contains { $0.fits == true }
        self.init(
            name: entry.drafter.name,
            obstacle: fits ? nil : entry.shipped.first?.difference ?? "it needs weights (--drafter-model)")
    }
}

extension ModelConfiguration {
    /// The decoder in one line, for people.
    public var summary: String {
        let windows = layerKinds.compactMap(\.window)
        let window = windows.first.map { ", a window of \($0) tokens in \(windows.count) layers" } ?? ""
        return "\(layers) layers of \(hiddenSize), \(heads) query and \(keyValueHeads) key/value heads of "
            + "\(headDimension), vocabulary \(vocabularySize), context \(contextLength)\(window)"
    }
}
