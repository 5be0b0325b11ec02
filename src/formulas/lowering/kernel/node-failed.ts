/** A node that cannot be computed; the others can. */
export class NodeFailed extends Error {
  override readonly name = "NodeFailed";
}
