import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

/// A model of the hub in the cache.
public struct HubModel: Sendable, Hashable {
    /// What it was asked for as.
    public var reference: HubReference
    /// The commit that it is from.
    public var commit: String
    /// The file or folder to load.
    public var path: String
    /// What was taken: a quantisation, `safetensors`, or a path.
    public var label: String
    /// What the repository has instead; of a cached model, what else is in the cache.
    public var others: [String]
    public var files: [HubFile]

    /// Bytes of all files.
    public var byteCount: Int { files.byteCount }
}

/// Models of the Hugging Face hub, fetched into the cache that Hugging Face's own programs use.
///
///     let hub = try Hub()
///     let model = try hub.cached(HubReference("ORG/NAME")) ?? hub.pull(HubReference("ORG/NAME"))
///     print(model.path)
///
/// Calls block, and may be made from any thread. Several processes may fetch the same model at once: one does, the others wait.
public struct Hub: Sendable {
    public let settings: HubSettings
    let cache: HubCache

    /// - Throws: `HubError.invalidSetting`.
    public init(_ settings: HubSettings = HubSettings(environment: Environment.variable)) throws(HubError) {
        self.settings = settings
        cache = try HubCache(settings)
        _ = try WebClient.endpoint(settings)
    }

    /// The folder of the cache.
    public var directory: String { cache.directory }

    /// The model as it is in the cache, without asking the hub; nil where it is not, or not as a whole.
    public func cached(_ reference: HubReference) -> HubModel? {
        guard let commit = cache.commit(reference) else { return nil }
        let listing = cache.listing(of: reference.repository, commit: commit)
        do throws(HubError) {
            let choice = try HubChoice(reference, among: listing)
            return choice.isUsable || settings.isOffline ? model(reference, choice, commit) : nil
        } catch {
            return nil
        }
    }

    /// Fetches what is missing of the newest state of a model. Where there is no hub to speak to, what is in the cache is
    /// returned with a warning.
    /// - Throws: `HubError`. What was fetched until then is kept, and the next call goes on from there.
    public func pull(
        _ reference: HubReference, observer: HubObserver = HubObserver()
    ) throws(HubError) -> HubModel {
        let there = cached(reference)
        if let there, settings.isOffline || HubPath.isCommit(reference.revision) { return there }
        guard !settings.isOffline else {
            throw .notCached(
                model: reference.description, directory: cache.directory,
                reason: "HF_HUB_OFFLINE forbids to fetch it")
        }
        let requests: HubRequests
        let listing: HubListing
        do throws(HubError) {
            requests = try HubRequests(settings, observer: observer)
            listing = try requests.listing(reference, isPatient: there == nil)
        } catch {
            guard let there, error.isUnreachable else { throw error }
            observer.warning(
                "\(error.description); what is in the cache is used, of commit \(there.commit.prefix(12))")
            return there
        }
        return try fetch(reference, listing, requests, observer)
    }

    private func model(_ reference: HubReference, _ choice: HubChoice, _ commit: String) -> HubModel {
        let snapshot = cache.snapshot(commit, of: reference.repository)
        return HubModel(
            reference: reference, commit: commit,
            path: choice.entry.isEmpty ? snapshot : "\(snapshot)/\(choice.entry)", label: choice.label,
            others: choice.others, files: choice.files)
    }

    private func fetch(
        _ reference: HubReference, _ listing: HubListing, _ requests: HubRequests, _ observer: HubObserver
    ) throws(HubError) -> HubModel {
        var choice = try HubChoice(reference, among: listing)
        if !choice.others.isEmpty {
            observer.note(
                "took \(choice.label); there are also \(choice.others.prefix(20).joined(separator: ", "))")
        }
        for index in choice.files.indices where choice.files[index].blob == nil {
            choice.files[index] = try requests.completed(choice.files[index], of: listing, reference)
        }
        try cache.prepare(reference.repository)
        var fetch = HubFetch(
            choice.files, listing, reference, cache: cache, requests: requests, observer: observer)
        try fetch.requireSpace(settings)
        for file in choice.files { try fetch.fetch(file) }
        try cache.setCommit(listing.commit, of: reference)
        return model(reference, choice, listing.commit)
    }
}
