import MedusaTraining
import RecurrentTraining
import RedrafterTraining

extension TrainerRegistry {
    /// The trainers of the drafters that the package brings: the one place where they are wired.
    public static let standard: TrainerRegistry = {
        var trainers = TrainerRegistry()
        trainers.register(RecurrentTrainer.self)
        trainers.register(MedusaTrainer.self)
        return trainers
    }()
}
