#if Server
    import Redrafter
    import RedrafterFormats
    import RedrafterServing
    import Synchronization

    /// An answer as server-sent events.
    struct AnswerStream {
        private let format: AnswerFormat
        /// Characters of each choice so far.
        private var offsets: [Int]
        private var finished: [GenerationResult?]
        /// Tokens that were written.
        private(set) var tokens = 0

        init(_ format: AnswerFormat, choices: Int) {
            self.format = format
            offsets = [Int](repeating: 0, count: choices)
            finished = [GenerationResult?](repeating: nil, count: choices)
        }

        /// Of the choices that have ended.
        var results: [GenerationResult] { finished.compactMap { $0 } }

        /// One event.
        static func event(_ value: JSONValue) -> [UInt8] {
            Array("data: ".utf8) + value.encoded() + Array("\n\n".utf8)
        }

        /// What comes before all text.
        func opening() -> [UInt8] {
            guard format.kind == .chat else { return [] }
            return offsets.indices.flatMap { Self.event(format.opening($0)) }
        }

        mutating func chunk(_ event: EngineEvent, choice: Int) -> [UInt8] {
            switch event {
            case .update(let update):
                tokens += update.tokens.count
                defer {
                    for token in update.tokens {
                        let text = String(decoding: format.tokenizer.text(of: token.token), as: UTF8.self)
                        offsets[choice] += text.unicodeScalars.count
                    }
                }
                return Self.event(format.update(update, choice: choice, offset: offsets[choice]))
            case .finished(let result):
                finished[choice] = result
                return Self.event(format.ending(result, choice: choice))
            }
        }

        /// What comes behind all text.
        func closing() -> [UInt8] {
            let usage = format.includesUsage ? Self.event(format.closing(results)) : []
            return usage + Array("data: [DONE]\n\n".utf8)
        }
    }

    /// Several answers as one sequence of events, in the order in which they come.
    enum MergedAnswers {
        typealias Stream = AsyncThrowingStream<(Int, EngineEvent), any Error>

        private final class OpenAnswers: Sendable {
            private let count: Mutex<Int>

            init(_ count: Int) { self.count = Mutex(count) }

            /// Whether it was the last one.
            func ended() -> Bool {
                count.withLock {
                    $0 -= 1
                    return $0 == 0
                }
            }
        }

        /// The first error ends the sequence, and whatever ends the sequence ends the answers.
        static func events(of answers: [EngineAnswer]) -> Stream {
            let (stream, feed) = Stream.makeStream()
            let open = OpenAnswers(answers.count)
            let tasks = answers.enumerated().map { choice, answer in
                Task {
                    do {
                        for try await event in answer { feed.yield((choice, event)) }
                        if open.ended() { feed.finish() }
                    } catch {
                        feed.finish(throwing: error)
                    }
                }
            }
            feed.onTermination = { _ in
                for (task, answer) in zip(tasks, answers) {
                    answer.cancel()
                    task.cancel()
                }
            }
            return stream
        }
    }
#endif
