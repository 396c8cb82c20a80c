import DrafterHeads
import MedusaTraining
import RecurrentDrafter
import RecurrentTraining
import RedrafterTesting
import RedrafterTraining
import Testing

@Suite struct CheckTrainerTests {
    @Test func theTrainersOfThePackageKeepTheirContract() throws {
        let recurrent = ToyProblem.recurrent(exit: 5, layers: 2)
        #expect(try checkTrainer(RecurrentTrainer(recurrent)) == [])
        let context = ToyProblem.recurrent(exit: 5, layers: 1, context: ToyProblem.context())
        #expect(try checkTrainer(RecurrentTrainer(context)) == [])
        #expect(try checkTrainer(MedusaTrainer(ToyProblem.medusa(layers: 1))) == [])
    }

    /// A recurrent drafter that forgets the bias of a block.
    private struct Forgetful: TrainableDrafter {
        let whole: RecurrentTrainer
        var configuration: RecurrentConfiguration { whole.configuration }
        var layout: ParameterLayout { whole.layout }
        var usesEmbedding: Bool { whole.usesEmbedding }

        func initialParameters(_ model: ModelParts, seed: UInt64) -> [Float] {
            whole.initialParameters(model, seed: seed)
        }

        func headRows(draftLength: Int) -> Int { whole.headRows(draftLength: draftLength) }

        func accumulate(_ chunk: TrainingChunk, into result: inout BatchResult) {
            whole.accumulate(chunk, into: &result)
            chunk.gradient(.blockBias(head: 0, layer: 0))?.clear()
        }
    }

    @Test func aGradientThatIsMissingIsNamed() throws {
        let trainer = Forgetful(whole: try RecurrentTrainer(ToyProblem.recurrent(exit: 5, layers: 1)))
        let failures = try checkTrainer(trainer)
        #expect(failures.count == 1 && failures[0].message.contains("lm_head.0.linear.bias"), "\(failures)")
    }
}
