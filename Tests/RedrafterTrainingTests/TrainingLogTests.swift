import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Testing

@testable import RedrafterReport
@testable import RedrafterTraining

@Suite("Training log and plot")
struct TrainingLogTests {
    let directory = TemporaryDirectory()
    var path: String { directory.file("log.jsonl") }

    @Test("each line is one object that others can read at once")
    func lines() throws {
        let log = try TrainingLog(path: path, keepingThrough: 0)
        #expect(log.dropped == 0)
        try log.append(step: 1, ["loss": .double(7.25), "rate": .double(.nan)])
        #expect(FileTree.text(path) == "{\"step\":1,\"loss\":7.25,\"rate\":null}\n")
        try log.append(step: 2, ["text": .string("a\n\"b\"")])
        try log.sync()
        #expect(FileTree.text(path).hasSuffix("{\"step\":2,\"text\":\"a\\n\\\"b\\\"\"}\n"))
    }

    @Test("a resumed run goes on after its step; later and damaged lines are cut off")
    func resumed() throws {
        do {
            let log = try TrainingLog(path: path, keepingThrough: 0)
            for step in 1...5 { try log.append(step: step, ["loss": .integer(10 - step)]) }
        }
        let whole = FileTree.content(path)
        // Killed while the last line was written; a line that a disk lost; a line that is no object.
        FileTree.write(Array("\0\0\0\n[1]\n\n".utf8) + whole + Array("{\"step\":6,\"lo".utf8), to: path)
        #expect(try TrainingLog.entries(path: path).entries.count == 5)
        #expect(try TrainingLog.entries(path: path).damaged == 3)
        do {
            let log = try TrainingLog(path: path, keepingThrough: 3)
            #expect(log.dropped == 5)
            try log.append(step: 4, ["loss": .integer(0)])
        }
        let entries = try TrainingLog.entries(path: path).entries
        #expect(entries.map { $0["step"]?.integer } == [1, 2, 3, 4])
        #expect(entries.last?["loss"]?.integer == 0)
        let before = FileTree.content(path)
        #expect(try TrainingLog(path: path, keepingThrough: 4).dropped == 0)
        #expect(FileTree.content(path) == before)
        #expect(FileTree.names(directory.path) == ["log.jsonl"])
    }

    @Test("a disk that is full ends in exit code 74 and a log of whole lines")
    func full() async {
        #if os(Linux)
            let error = #expect(throws: TrainingError.self) {
                try TrainingLog(path: "/dev/full", keepingThrough: 0).append(step: 1, [:])
            }
            #expect(error != nil)
        #endif
        await #expect(processExitsWith: .success) {
            let directory = TemporaryDirectory()
            let path = directory.file("log")
            let log = try TrainingLog(path: path, keepingThrough: 0)
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit()
            getrlimit(fileSizeResource, &limit)
            limit.rlim_cur = 100
            setrlimit(fileSizeResource, &limit)
            for step in 1...4 { try log.append(step: step, ["loss": .double(1.5)]) }
            let error = #expect(throws: TrainingError.self) {
                for step in 5...20 { try log.append(step: step, ["loss": .double(1.5)]) }
            }
            #expect(caseName(of: error) == "output.inputOutput")
            let (entries, damaged) = try TrainingLog.entries(path: path)
            #expect(entries.count == 4 && damaged == 0)
        }
    }

    /// A made-up run of 2,000 steps.
    static let run: [JSONValue] = (1...2000).map { step in
        let fall = 9 / (1 + Double(step) / 120)
        let noise = Double(step &* 2_654_435_761 % 1000) / 1000 - 0.5
        guard step % 250 == 0 else {
            return .object(["step": .integer(step), "loss": .double(1.8 + fall + noise)])
        }
        let share = 1 - 1 / (1 + Double(step) / 700)
        return .object([
            "step": .integer(step), "loss": .double(1.8 + fall + noise),
            "eval": .object([
                "loss": .double(2 + fall), "tokens_per_step": .double(1 + 1.8 * share),
                "top1": .array((0..<5).map { .double(share * (0.8 - Double($0) * 0.12)) }),
            ]),
        ])
    }

    @Test("the plot has a panel for loss, for each draft position and for tokens a pass")
    func plot() throws {
        let plot = TrainingPlot(title: "a <run> & more", entries: Self.run)
        let svg = plot.chart.svg
        #expect(plot.chart.panels.map(\.curves.count) == [2, 5, 1])
        #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\""))
        #expect(svg.contains("a &lt;run&gt; &amp; more"))
        #expect(!svg.contains("var("))
        #expect(!svg.contains("nan") && !svg.contains("inf"))
        #expect(svg.utf8.count < 60_000)
        try plot.write(to: directory.file("plot.svg"))
        #expect(FileTree.text(directory.file("plot.svg")) == svg)
        if let kept = getenv("REDRAFTER_KEEP_PLOT") { try plot.write(to: String(cString: kept)) }
    }

    @Test("a plot of a run that measured little, or nothing, is still a picture")
    func smallPlot() throws {
        for entries in [
            [], [JSONValue.object(["step": .integer(1), "loss": .null])],
            [.object(["step": .integer(0), "loss": .integer(0)])],
            [.object(["step": .integer(5), "loss": .double(3), "top1": .array([.double(0.5), .null])])],
            [.object(["step": .integer(5), "loss": .string("x"), "eval": .array([])]), .null],
        ] {
            let svg = TrainingPlot(title: "t", entries: entries).chart.svg
            #expect(svg.hasSuffix("</svg>\n"))
            #expect(!svg.contains("nan") && !svg.contains("inf"), "\(svg)")
        }
        let long = CurveChart.thinned((0..<1001).map { (Double($0), 1) })
        #expect(long.count == 400 && long.allSatisfy { $0.y == 1 })
    }
}

@Suite("ShareGPT export")
struct ShareGPTExportTests {
    let directory = TemporaryDirectory()

    @Test("conversations read back as written, and those that a trainer stops at are counted")
    func export() throws {
        let path = directory.file("data.json")
        let nasty = "\"\\ \n\r\t\u{0}\u{7F}\u{2028} é 😀 </s>"
        let result = try ShareGPTExport.write(
            [
                ("1", [("user", "Hi"), ("assistant", nasty)]),
                ("2", [("system", "Be brief"), ("user", nasty), ("assistant", "a"), ("user", "b")]),
                ("3", [("user", "a"), ("user", "b"), ("assistant", "c")]), ("4", []), ("5", [("user", "a")]),
                ("6", [("user", "a"), ("tool", "b"), ("assistant", "c")]), ("7", [("assistant", "a")]),
                (nasty, [("user", ""), ("assistant", "x")]),
            ], to: path)
        #expect(result.written == 3)
        #expect(result.skipped.values.reduce(0, +) == 5)
        #expect(result.skipped["no answer"] == 2)
        let json = try #require(try JSONValue(path: path).array)
        #expect(json.map { $0["id"]?.string } == ["1", "2", nasty])
        let turns = try #require(json[1]["conversations"]?.array)
        #expect(turns.map { $0["from"]?.string } == ["system", "human", "gpt", "human"])
        #expect(turns[1]["value"]?.string == nasty)
        #expect(json[0]["conversations"]?.array?[1]["from"]?.string == "gpt")
    }

    @Test("an export without conversations is an empty list, and an unfinished one no file")
    func unfinished() throws {
        _ = try ShareGPTExport.write([], to: directory.file("empty.json"))
        #expect(try JSONValue(path: directory.file("empty.json")).array?.isEmpty == true)
        do {
            let export = try ShareGPTExport(path: directory.file("data.json"))
            try export.append(id: "1", [("user", "a"), ("assistant", "b")])
        }
        #expect(FileTree.names(directory.path) == ["empty.json"])
        let error = #expect(throws: TrainingError.self) {
            try ShareGPTExport(path: directory.file("no/data.json"))
        }
        #expect(caseName(of: error) == "output.cannotCreate")
    }
}

#if canImport(Glibc)
    private let fileSizeResource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
#else
    private let fileSizeResource = RLIMIT_FSIZE
#endif
