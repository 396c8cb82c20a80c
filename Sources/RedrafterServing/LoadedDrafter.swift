import Redrafter
import RedrafterCore

/// A drafter of an engine, under a name that requests may give.
struct LoadedDrafter: Sendable {
    let name: String
    let drafter: any Drafter
    var workspace: DraftWorkspace
    let warnings: [String]
    /// What texts have taught, for those that come: acceptance, the price of a draft for one text, and its gain by the number of
    /// texts. `[bit width of the number]`
    var calibration = AcceptanceCalibration()
    var draftSeconds = 0.0
    var gains: [Int: Double] = [:]

    /// Plain decoding.
    var isNone: Bool { drafter is NoDrafter }

    /// The drafters that options name, and plain decoding.
    static func load(_ options: EngineOptions, for model: Model) throws(RedrafterError) -> [LoadedDrafter] {
        var loaded = [LoadedDrafter]()
        for name in options.drafters + ["none"] {
            var speculation = SpeculationOptions(drafter: name)
            speculation.drafterOptions = options.drafterOptions
            speculation.drafterPaths = options.drafterPaths
            try wrapping(RedrafterError.parameter, try speculation.validate())
            var warnings = [String]()
            let drafter = try model.drafter(speculation) { warnings.append($0) }
            // What `auto` stands for has its own name, by which it may be asked for as well.
            let own = name == "auto" ? drafter.name : name
            guard !loaded.contains(where: { $0.name == own }) else { continue }
            let workspace = try wrapping(
                RedrafterError.backend, try DraftWorkspace.make(drafter, texts: options.slots))
            loaded.append(
                LoadedDrafter(name: own, drafter: drafter, workspace: workspace, warnings: warnings))
        }
        return loaded
    }

    /// The state of a text that begins, beside so many others.
    func share(maximumRows: Int, texts: Int) -> CostAwareForest.Text {
        CostAwareForest.Text(
            maximumRows: isNone ? 1 : maximumRows, calibration: calibration, draftSeconds: draftSeconds,
            gain: gains[Self.load(texts)] ?? Self.firstGain)
    }

    /// Learns what a draft for one of so many texts brought.
    mutating func learn(_ share: CostAwareForest.Text, texts: Int) {
        let load = Self.load(texts)
        let known = gains[load] ?? Self.firstGain
        gains[load] = known + (share.gain - known) * Self.learningRate
        draftSeconds = share.draftSeconds
    }

    private static func load(_ texts: Int) -> Int { Int.bitWidth - texts.leadingZeroBitCount }
    private static let firstGain = 0.1
    private static let learningRate = 0.05
}
