import ArgumentParser
import Redrafter
import RedrafterHub
import RedrafterPlatform

/// Which model, and what runs it.
struct ModelArguments: ParsableArguments {
    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp(
            "GGUF file or directory with safetensors, or hf:ORG/NAME[:QUANT|/FILE] for a model of the Hugging Face hub; without it, the default model.",
            valueName: "path"))
    var model: String?

    @Option(
        name: [.customLong("hf-repo"), .customLong("hf", withSingleDash: true)], parsing: .unconditional,
        help: ArgumentHelp("The same as -m hf:ORG/NAME[:QUANT].", valueName: "name"))
    var hubModel: String?

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("Number of threads; without it, one for each processor.", valueName: "n"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "What computes: cpu, vulkan, or auto (a graphics processor if one works, otherwise cpu).",
            valueName: "name"))
    var backend = "cpu"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Number, UUID or name of a Vulkan device, as `redrafter devices` lists them; without it, the best one.",
            valueName: "device"))
    var device: String?

    /// A model of the hub, which may have to be fetched.
    var isOfHub: Bool { hubModel != nil || model?.hasPrefix(HubReference.prefix) == true }

    /// What `-m` or `-hf` names, else the default model in the cache.
    func path() throws -> String {
        if let hubModel {
            guard model == nil else {
                throw CommandFailure(.usage, "both -m and --hf-repo were given", hint: "pass one of them")
            }
            let prefix = HubReference.prefix
            return try ModelLocation.path(hubModel.hasPrefix(prefix) ? hubModel : prefix + hubModel)
        }
        if let model { return try ModelLocation.path(model) }
        let path = DefaultModelFile.path
        guard access(path, R_OK) == 0 else {
            throw CommandFailure(
                .noInput, "no -m was given and the default model is not at \(path)",
                hint: "run `make demo` once, or pass -m FILE or -m hf:ORG/NAME")
        }
        return path
    }

    /// Loads the model, with a progress bar where that takes long.
    func load(
        contextLength: Int?, kernels: String? = nil, chatTemplate: ChatTemplateOptions = ChatTemplateOptions()
    ) throws -> Model {
        var options = ModelOptions(
            contextLength: contextLength, threads: threads, backend: backend, kernels: kernels)
        options.chatTemplate = chatTemplate
        return try load(options)
    }

    /// Loads the model with a context that holds so many tokens, where it was trained for as many.
    func load(
        contextLengthLimit: Int, backend: String, chatTemplate: ChatTemplateOptions = ChatTemplateOptions()
    ) throws -> Model {
        var options = ModelOptions(threads: threads, backend: backend)
        options.contextLengthLimit = contextLengthLimit
        options.chatTemplate = chatTemplate
        return try load(options)
    }

    /// The options with the plug-ins of this build and the device that was chosen.
    func withPlugins(_ options: ModelOptions) -> ModelOptions {
        var options = options
        options.registry = Plugins.current.registry
        options.backendOptions.device = device
        return options
    }

    private func load(_ options: ModelOptions) throws -> Model {
        let options = withPlugins(options)
        let path = try path()
        var bar = ProgressBar("loading")
        let model = try Model.load(path: path, options: options) { bar.update($0) }
        bar.finish()
        for warning in model.warnings { Terminal.warn(warning) }
        if let reason = model.backend.reason {
            Terminal.say("backend: \(model.backend.name) on \(model.backend.device), \(reason)")
        }
        return model
    }
}

/// Where `make demo` puts the default model.
enum DefaultModelFile {
    static var path: String {
        (CacheDirectory.path ?? "/.cache/redrafter") + "/SmolLM2-135M-Instruct.Q4_1.gguf"
    }
}
