#if Server
    import Redrafter
    import RedrafterFormats
    import RedrafterModels
    import RedrafterServing
    import RedrafterTesting
    import Testing

    @testable import RedrafterServer

    @Suite struct RequestTests {
        /// An engine over a toy model.
        private func served(_ directory: TemporaryDirectory) throws -> Served {
            let path = try ToyModelFile().writeGGUF(to: directory.path)
            let model = try Model.load(path: path, options: ModelOptions(contextLength: 128, threads: 1))
            return Served(try Engine(model, EngineOptions(slots: 2)), alias: "toy")
        }

        private func parse(_ text: String) throws -> JSONValue {
            try JSONValue(parsing: text.utf8, path: "the body")
        }

        @Test("Absent fields are as in the command `generate`, and null is absent")
        func defaults() throws {
            let directory = TemporaryDirectory()
            let served = try served(directory)
            for body in [
                #"{"prompt": "ab"}"#, #"{"prompt": "ab", "temperature": null, "top_k": null, "x": null}"#,
            ] {
                let request = try TextRequest(.completion, try parse(body), served)
                var expected = GenerationParameters()
                expected.sampling.seed = request.parameters.sampling.seed
                #expect(request.parameters == expected)
                #expect(request.parameters.sampling.temperature == 0)
                #expect(request.maximumRows == SpeculationOptions.defaultMaximumRows)
                #expect(request.choices == 1 && !request.isStreamed && request.drafter == nil)
            }
        }

        @Test("Fields arrive where they belong")
        func fields() throws {
            let directory = TemporaryDirectory()
            let body = #"""
                {"messages": [{"role": "developer", "content": "be"}, {"role": "user", "content": "ab"}], "model": "toy",
                 "temperature": 0.5, "top_p": 0.5, "top_k": -1, "min_p": 0, "seed": 18446744073709551615, "n": 2,
                 "stop": ["x", "y"], "presence_penalty": 1, "frequency_penalty": -1, "repeat_penalty": 1.5,
                 "repeat_last_n": 8, "logit_bias": {"3": -100}, "max_completion_tokens": 5, "logprobs": true,
                 "top_logprobs": 4, "drafter": "none", "speculation": {"max_rows": 3}, "stream": true,
                 "stream_options": {"include_usage": true}}
                """#
            let request = try TextRequest(.chat, try parse(body), try served(directory))
            var expected = GenerationParameters(maximumTokens: 5, stop: ["x", "y"], topLogProbabilities: 4)
            expected.sampling.temperature = 0.5
            expected.sampling.topP = 0.5
            expected.sampling.topK = 0
            expected.sampling.minP = 0
            expected.sampling.seed = .max
            expected.sampling.presencePenalty = 1
            expected.sampling.frequencyPenalty = -1
            expected.sampling.repeatPenalty = 1.5
            expected.sampling.repeatLastN = 8
            expected.sampling.logitBias = [3: -100]
            #expect(request.parameters == expected)
            #expect(request.choices == 2 && request.isStreamed && request.includesUsage)
            #expect(request.drafter == "none" && request.maximumRows == 3)
            #expect(request.engineRequest(choice: 1).parameters.sampling.seed == 0)
        }

        @Test("Whatever a body holds, it is a request or an error of the client")
        func damage() throws {
            let directory = TemporaryDirectory()
            let served = try served(directory)
            let body = Array(
                #"{"messages":[{"role":"user","content":"ab"}],"n":1,"seed":5,"stop":["x"],"logit_bias":{"3":1e0},"top_p":0.5}"#
                    .utf8)
            var random = SeededRandom(seed: 7)
            var requests = 0
            for _ in 0..<20_000 {
                var bytes = body
                for _ in 0...Int(random.next() % 3) {
                    let index = Int(random.next() % UInt64(bytes.count))
                    switch random.next() % 3 {
                    case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                    case 1: bytes.remove(at: index)
                    default: bytes.insert(bytes[Int(random.next() % UInt64(bytes.count))], at: index)
                    }
                }
                guard
                    case .success(let value) = Result(catching: { try JSONValue(parsing: bytes, path: "x") })
                else { continue }
                do {
                    _ = try TextRequest(.chat, value, served)
                    requests += 1
                } catch {
                    #expect((400..<500).contains(error.status.code))
                }
            }
            #expect(requests > 0)
        }
    }
#endif
