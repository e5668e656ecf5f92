//! Cycles in a graph of imports.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The shortest cycle through each node that is in one, each cycle once; the shortest first.
pub(super) fn shortest<N: Copy + Ord>(edges: &BTreeSet<(N, N)>) -> Vec<Vec<N>> {
    let mut next: BTreeMap<N, Vec<N>> = BTreeMap::new();
    for (from, to) in edges {
        next.entry(*from).or_default().push(*to);
    }
    let mut cycles: Vec<Vec<N>> =
        next.keys().filter_map(|start| through(*start, &next)).map(from_least).collect();
    cycles.sort();
    cycles.dedup();
    cycles.sort_by_key(Vec::len);
    cycles
}

fn through<N: Copy + Ord>(start: N, next: &BTreeMap<N, Vec<N>>) -> Option<Vec<N>> {
    let mut before: BTreeMap<N, N> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(node) = waiting.pop_front() {
        for to in next.get(&node).into_iter().flatten() {
            if *to == start {
                let mut cycle = vec![node];
                while let Some(earlier) = before.get(&cycle[cycle.len() - 1]) {
                    cycle.push(*earlier);
                }
                cycle.reverse();
                return Some(cycle);
            }
            if !before.contains_key(to) {
                before.insert(*to, node);
                waiting.push_back(*to);
            }
        }
    }
    None
}

/// The same cycle, starting at its smallest node.
fn from_least<N: Copy + Ord>(mut cycle: Vec<N>) -> Vec<N> {
    let least = cycle.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(at, _)| at);
    cycle.rotate_left(least);
    cycle
}

/// Rows of nodes in which each node only leads to lower rows; nodes of a cycle share a row. The highest row
/// comes first.
pub(super) fn rows<N: Copy + Ord>(nodes: &BTreeSet<N>, edges: &BTreeSet<(N, N)>) -> Vec<Vec<N>> {
    let reach: BTreeMap<N, BTreeSet<N>> =
        nodes.iter().map(|node| (*node, reachable(*node, edges))).collect();
    let is_cycle = |a: &N, b: &N| reach[a].contains(b) && reach[b].contains(a);
    let mut height: BTreeMap<N, usize> = nodes.iter().map(|node| (*node, 0)).collect();
    // As many iterations as there are nodes are enough, since the nodes of a cycle have the same height and
    // the rest is acyclic.
    for _ in 0..nodes.len() {
        for (from, to) in edges {
            let wanted = height[to] + usize::from(!is_cycle(from, to));
            if height[from] < wanted {
                height.insert(*from, wanted);
            }
        }
    }
    let highest = height.values().copied().max().unwrap_or_default();
    let row = |at: usize| nodes.iter().copied().filter(|node| height[node] == at).collect();
    (0..=highest).rev().map(row).collect()
}

fn reachable<N: Copy + Ord>(start: N, edges: &BTreeSet<(N, N)>) -> BTreeSet<N> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(node) = waiting.pop() {
        for (_, to) in edges.iter().filter(|(from, _)| *from == node) {
            if found.insert(*to) {
                waiting.push(*to);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cycle_is_found_once_and_the_shortest_first() {
        let edges = BTreeSet::from([(1, 2), (2, 3), (3, 1), (3, 4), (4, 5), (5, 4), (6, 1)]);
        assert_eq!(shortest(&edges), [vec![4, 5], vec![1, 2, 3]]);
        assert_eq!(shortest(&BTreeSet::from([(1, 2), (2, 3), (1, 3)])), Vec::<Vec<i32>>::new());
    }

    #[test]
    fn a_node_is_above_all_its_successors() {
        let edges = BTreeSet::from([(1, 2), (2, 3), (1, 3), (4, 3), (5, 6), (6, 5), (5, 2)]);
        let nodes = (1..=6).collect();
        assert_eq!(rows(&nodes, &edges), [vec![1, 5, 6], vec![2, 4], vec![3]]);
    }
}
