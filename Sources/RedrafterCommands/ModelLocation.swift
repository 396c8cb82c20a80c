import ArgumentParser
import Redrafter
import RedrafterHub
import RedrafterPlatform
import RedrafterReport

/// Where a model lies that a command names: a path, or `hf:ORG/NAME` for one of the hub.
enum ModelLocation {
    /// The path of what is named; a model of the hub that the cache lacks is fetched.
    static func path(_ text: String) throws -> String {
        if text.hasPrefix(HubReference.prefix) { return try hubModel(HubReference(text)).path }
        if isNameOfHub(text), access(text, F_OK) != 0 {
            throw CommandFailure(
                .noInput, "\(text): no such file", hint: "for a model of the Hugging Face hub pass hf:\(text)"
            )
        }
        return text
    }

    /// The newest copy in the cache, else the hub's.
    private static func hubModel(_ reference: HubReference) throws -> HubModel {
        let hub = try Hub()
        let model = try hub.cached(reference) ?? pull(reference, from: hub)
        if reference.selection == .any { Terminal.say("\(reference) is \(model.label) here") }
        return model
    }

    /// Fetches what is missing of a model, and shows how far it is. Ctrl-C keeps what came.
    static func pull(_ reference: HubReference, from hub: Hub) throws -> HubModel {
        let display = HubDisplay()
        var observer = HubObserver()
        observer.progress = display.show
        observer.note = { text in
            display.clear()
            Terminal.say(text)
        }
        observer.warning = { text in
            display.clear()
            Terminal.warn(text)
        }
        observer.isCancelled = { Interrupt.flag.isCancelled }
        defer { display.clear() }
        do {
            return try Interrupt.watching { () throws in try hub.pull(reference, observer: observer) }
        } catch HubError.cancelled {
            display.clear()
            Terminal.say("what was fetched is kept; the same command goes on from there")
            throw ExitCode(Interrupt.exitCode)
        }
    }

    /// `ORG/NAME` as people copy it from a browser.
    private static func isNameOfHub(_ text: String) -> Bool {
        guard text.split(separator: "/", omittingEmptySubsequences: false).count == 2,
            !text.hasSuffix(".gguf")
        else {
            return false
        }
        do throws(HubError) {
            _ = try HubReference(text)
            return true
        } catch {
            return false
        }
    }
}

/// Shows how far a fetch is: a bar on a terminal, else a line now and then.
final class HubDisplay {
    private var bar = ProgressBar("fetching")
    private let start = ContinuousClock.now
    private var lastLine: ContinuousClock.Instant?
    private static let pause = Duration.seconds(10)

    func show(_ progress: HubProgress) {
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        let rate = elapsed > 0 ? Double(progress.receivedBytes) / elapsed : 0
        let secondsLeft = rate > 0 ? Double(progress.totalBytes - progress.bytes) / rate : nil
        let counts = "\(Self.megabytes(progress.bytes)) of \(Self.megabytes(progress.totalBytes)) MB"
        let speed = "\(Self.megabytes(Int(rate), digits: 1)) MB/s"
        guard !Terminal.isErrorTTY else {
            let part = progress.totalBytes > 0 ? Double(progress.bytes) / Double(progress.totalBytes) : 1
            bar.update(part, detail: "\(counts), \(speed)", secondsLeft: secondsLeft)
            return
        }
        // The first line comes after a while: short fetches need none.
        let last = lastLine ?? start
        guard ContinuousClock.now - last > Self.pause else { return }
        lastLine = .now
        let left = secondsLeft.map { ", \(Int(min($0, 1e9))) s left" } ?? ""
        Terminal.say("fetching \(progress.file): \(counts), \(speed)\(left)")
    }

    func clear() { bar.finish() }

    private static func megabytes(_ bytes: Int, digits: Int = 0) -> String {
        Number.fixed(Double(bytes) / 1e6, digits)
    }
}
