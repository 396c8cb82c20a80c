import RedrafterFormats
import RedrafterTraining
import Testing

@Suite struct EvaluationTests {
    @Test func theSameThreadsGiveTheSameBits() throws {
        for problem in try ToyProblem.all() {
            for threads in 1...4 {
                let workspace = TrainingWorkspace()
                let first = try problem.evaluate(workspace: workspace, threads: threads)
                for _ in 0..<3 {
                    let again = try problem.evaluate(workspace: workspace, threads: threads)
                    #expect(again == first, "\(problem.name), \(threads) threads")
                }
            }
        }
    }

    @Test func threadCountsAgreeWithinRounding() throws {
        for problem in try ToyProblem.all() {
            let one = try problem.evaluate(threads: 1)
            let largest = one.gradient.map(abs).max() ?? 0
            for threads in [2, 3, 7] {
                let several = try problem.evaluate(threads: threads)
                #expect(several.result.counted == one.result.counted)
                #expect(several.result.correct == one.result.correct)
                #expect(abs(several.result.loss - one.result.loss) < 1e-6)
                for (a, b) in zip(one.gradient, several.gradient) {
                    #expect(abs(a - b) < 1e-5 * largest, "\(problem.name), \(threads) threads")
                }
            }
        }
    }

    @Test func blocksOfAWideHeadGiveWhatOneBlockGives() throws {
        let configuration = ToyProblem.recurrent(hidden: 2, exit: 3, layers: 1, vocabulary: 20_000)
        let problem = try ToyProblem("wide", configuration, positions: 170, isRagged: false)
        // 510 rows of one thread take two blocks, 102 rows of five threads take one each.
        let (blocks, whole) = (try problem.evaluate(threads: 1), try problem.evaluate(threads: 5))
        #expect(blocks.result.counted == whole.result.counted)
        #expect(abs(blocks.result.loss - whole.result.loss) < 1e-5)
        let largest = whole.gradient.map(abs).max() ?? 0
        for (a, b) in zip(blocks.gradient, whole.gradient) { #expect(abs(a - b) < 1e-5 * largest) }
    }

    @Test func measuringGivesTheSameResultAsTraining() throws {
        for problem in try ToyProblem.all() {
            let training = try problem.evaluate(threads: 2).result
            let measuring = try problem.evaluate(gradient: false, threads: 2).result
            #expect(training == measuring, "\(problem.name)")
        }
    }

    @Test func accuracyCountsTheLikeliestRow() throws {
        for var problem in try ToyProblem.all() {
            let reference = ReferenceLoss(
                problem.trainer.layout, parameters: problem.parameters, embedding: problem.embedding)
            let length = problem.batch.draftLength
            for position in 0..<problem.batch.count {
                for (step, row) in reference.logProbabilities(problem.batch, position).enumerated() {
                    let likeliest = row.indices.max { row[$0] < row[$1] } ?? 0
                    problem.batch.truth[position * length + step] = step == 1 ? -1 : Int32(likeliest)
                }
            }
            let result = try problem.evaluate().result
            for step in 0..<length {
                #expect(result.accuracy(step: step) == (step == 1 ? 0 : 1), "\(problem.name), step \(step)")
            }
        }
    }

    @Test func arraysThatDoNotFitAreRefused() throws {
        let problem = try ToyProblem("recurrent", ToyProblem.recurrent(exit: 5, layers: 1), positions: 3)
        func expectRefusal(_ what: String, _ change: (inout DraftBatch) -> Void) {
            var problem = problem
            change(&problem.batch)
            #expect {
                try problem.evaluate()
            } throws: { error in
                guard case .invalidInput(let named, _, _) = error as? TrainingError else { return false }
                return named.contains(what)
            }
        }
        expectRefusal("hidden values") { $0.hidden.removeLast() }
        expectRefusal("tokens") { $0.tokens.append(0) }
        expectRefusal("a token") { $0.tokens[4] = Int32(ToyProblem.modelVocabulary) }
        expectRefusal("a token") { $0.tokens[4] = -1 }
        expectRefusal("label rows") { $0.labelRows.removeLast() }
        expectRefusal("a label row") { $0.labelRows[2] = 11 }
        expectRefusal("label probabilities") { $0.labelProbabilities = [] }
        expectRefusal("weights") { $0.weights.append(1) }
        expectRefusal("a weight") { $0.weights[0] = .nan }
        expectRefusal("a weight") { $0.weights[0] = -1 }
        expectRefusal("true rows") { $0.truth = [] }
        expectRefusal("a true row") { $0.truth[0] = 11 }
        expectRefusal("hidden size") {
            $0 = DraftBatch(count: 3, draftLength: 3, hiddenSize: 5, labelsPerStep: 1)
        }
        expectRefusal("shape") {
            $0 = DraftBatch(count: 3, draftLength: 0, hiddenSize: 6, labelsPerStep: 1)
        }
    }

    @Test func medusaRefusesMoreStepsThanHeads() throws {
        let problem = try ToyProblem(
            "medusa", ToyProblem.medusa(heads: 2, layers: 1), positions: 3, draftLength: 3)
        #expect(throws: TrainingError.self) { try problem.evaluate() }
    }
}
