//! What is in the trail after the agent was killed.
