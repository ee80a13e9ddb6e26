//! Running the agent: checks, reloads, stops and its own commands.
