//! The engine over its public contract: what reaches the server and the client, and what the caller is told.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod binding;
#[cfg(test)]
mod copying;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod encryption;
#[cfg(test)]
mod inquiring;
#[cfg(test)]
mod limited;
#[cfg(test)]
mod malformed;
mod masking;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod naming;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod pipelines;
#[cfg(test)]
mod play;
#[cfg(test)]
mod recording;
#[cfg(test)]
mod replication;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod startup;
#[cfg(test)]
mod types;
