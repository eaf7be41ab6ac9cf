// Where references within a schema lead: its resources (`$id`), their anchors and JSON Pointers.
// Nothing is fetched: a reference to another document is refused.

import { Arena } from "../bytes/arena";
import { fromString, toString } from "../bytes/text";
import { PAST_END, Path } from "../json/path";
import { Places } from "../json/places";
import { Kind, NO_NODE, Tape } from "../json/tape";
import { Keyword, keywordOf } from "./keyword";
import * as problem from "./problem";
import { fragmentOf, percentDecoded, resolve, withoutFragment } from "./uri";

export const enum Dialect {
  Draft7,
  Draft2020,
}

@final
class Resource {
  constructor(
    readonly uri: string,
    readonly root: i32,
  ) {}
}

@final
class Anchor {
  constructor(
    readonly resource: i32,
    readonly name: string,
    readonly node: i32,
  ) {}
}

@final
export class References {
  private readonly resources: Resource[] = [];
  private readonly anchors: Anchor[] = [];
  private readonly anchorAt: Map<string, i32> = new Map();
  /** The numbers of the dynamic anchors of each name. */
  private readonly dynamicAnchors: Map<string, i32[]> = new Map();
  /** The dynamic anchor of each node that has one. */
  private readonly dynamicAt: Map<i32, string> = new Map();
  private readonly resourceAt: Map<string, i32> = new Map();
  /** The resource of each subschema that the walk has seen. */
  private readonly resourceOfNode: Map<i32, i32> = new Map();

  private readonly places: Places;

  constructor(
    private readonly tape: Tape,
    private readonly dialect: Dialect,
    private readonly arena: Arena,
  ) {
    this.places = new Places(tape);
    this.resources.push(new Resource("", 0));
    this.resourceAt.set("", 0);
    this.walk(0, 0);
  }

  private text(node: i32): string {
    return toString(this.tape.text(node, this.arena));
  }

  private member(node: i32, name: string): i32 {
    return this.tape.member(node, fromString(name, this.arena));
  }

  /** Notes what the subschema and those below it are called; as deep as the tape, which is limited.
   * */
  private walk(node: i32, parentResource: i32): void {
    const tape = this.tape;
    if (tape.kind(node) != Kind.Object) return;
    const isDraft7 = this.dialect == Dialect.Draft7;
    // In draft 7 whatever stands beside `$ref` is ignored.
    const isPlain = !isDraft7 || this.member(node, "$ref") == NO_NODE;
    const resource = isPlain ? this.openResource(node, parentResource) : parentResource;
    this.resourceOfNode.set(node, resource);
    if (isPlain && !isDraft7) {
      this.addAnchorIn(node, "$anchor", resource, false);
      this.addAnchorIn(node, "$dynamicAnchor", resource, true);
    }
    const stop = tape.after(node);
    for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
      this.walkKeyword(keywordOf(tape.text(key, this.arena)), key + 1, resource);
    }
  }

  private walkKeyword(keyword: i32, value: i32, resource: i32): void {
    switch (keyword) {
      case Keyword.AdditionalItems:
      case Keyword.Contains:
      case Keyword.AdditionalProperties:
      case Keyword.PropertyNames:
      case Keyword.Not:
      case Keyword.If:
      case Keyword.Then:
      case Keyword.Else:
      case Keyword.UnevaluatedItems:
      case Keyword.UnevaluatedProperties:
        this.walk(value, resource);
        break;
      case Keyword.Items:
      case Keyword.PrefixItems:
      case Keyword.AllOf:
      case Keyword.AnyOf:
      case Keyword.OneOf:
        if (this.tape.kind(value) == Kind.Array) this.walkAll(value, 0, resource);
        else this.walk(value, resource);
        break;
      case Keyword.Properties:
      case Keyword.PatternProperties:
      case Keyword.DependentSchemas:
      case Keyword.Dependencies:
      case Keyword.Defs:
      case Keyword.Definitions:
        if (this.tape.kind(value) == Kind.Object) this.walkAll(value, 1, resource);
        break;
    }
  }

  private walkAll(node: i32, step: i32, resource: i32): void {
    const stop = this.tape.after(node);
    for (let i = this.tape.firstChild(node); i < stop; i = this.tape.after(i + step))
      this.walk(i + step, resource);
  }

  private openResource(node: i32, parent: i32): i32 {
    const id = this.member(node, "$id");
    if (id == NO_NODE) return parent;
    if (this.tape.kind(id) != Kind.String) {
      problem.add(id, "$id is text");
      return parent;
    }
    const text = this.text(id);
    const fragment = fragmentOf(text);
    if (fragment != "") {
      if (this.dialect == Dialect.Draft7) this.addAnchor(parent, fragment, node, false, id);
      else problem.add(id, "$id has no fragment; $anchor names a place");
      if (withoutFragment(text) == "") return parent;
    }
    const uri = resolve(this.resources[parent].uri, text);
    if (node == 0) {
      this.resources[0] = new Resource(uri, 0);
      this.resourceAt.set(uri, 0);
      return 0;
    }
    if (this.resourceAt.has(uri) && uri != "") {
      problem.add(id, 'an earlier schema is "' + uri + '" too');
      return parent;
    }
    this.resources.push(new Resource(uri, node));
    this.resourceAt.set(uri, this.resources.length - 1);
    return this.resources.length - 1;
  }

  private addAnchorIn(node: i32, key: string, resource: i32, isDynamic: bool): void {
    const value = this.member(node, key);
    if (value == NO_NODE) return;
    if (this.tape.kind(value) != Kind.String) problem.add(value, key + " is text");
    else this.addAnchor(resource, this.text(value), node, isDynamic, value);
  }

  private addAnchor(resource: i32, name: string, node: i32, isDynamic: bool, at: i32): void {
    const key = resource.toString() + "#" + name;
    if (this.anchorAt.has(key)) {
      const before = this.anchors[this.anchorAt.get(key)];
      if (before.node != node) problem.add(at, 'the anchor "' + name + '" is there twice');
      if (!isDynamic) return;
    }
    this.anchorAt.set(key, this.anchors.length);
    if (isDynamic) {
      this.dynamicNamed(name).push(this.anchors.length);
      this.dynamicAt.set(node, name);
    }
    this.anchors.push(new Anchor(resource, name, node));
  }

  /** The number of the resource that the node is in. */
  resourceOf(node: i32): i32 {
    let at = node;
    while (at > 0 && !this.resourceOfNode.has(at)) at = this.tape.parent(at);
    return at > 0 ? this.resourceOfNode.get(at) : 0;
  }

  /** The name of the dynamic anchor that the reference, found to lead to `target`, goes by; else
   * empty: then it is as `$ref`. */
  dynamicName(reference: string, target: i32): string {
    const name = percentDecoded(fragmentOf(reference));
    return this.dynamicAt.has(target) && this.dynamicAt.get(target) == name ? name : "";
  }

  private dynamicNamed(name: string): i32[] {
    if (!this.dynamicAnchors.has(name)) this.dynamicAnchors.set(name, []);
    return this.dynamicAnchors.get(name);
  }

  /** The schemas with the dynamic anchor: pairs of resource and node. */
  withDynamicAnchor(name: string): i32[] {
    const pairs: i32[] = [];
    const numbers = this.dynamicNamed(name);
    for (let i = 0; i < numbers.length; i++) {
      const anchor = this.anchors[numbers[i]];
      pairs.push(anchor.resource);
      pairs.push(anchor.node);
    }
    return pairs;
  }

  /** The node that the reference at `at`, in the subschema `node`, leads to; NO_NODE, reported,
   * when it leads nowhere. */
  find(reference: string, node: i32, at: i32): i32 {
    const base = this.resources[this.resourceOf(node)].uri;
    const uri = resolve(base, reference);
    if (!this.resourceAt.has(uri)) {
      problem.add(
        at,
        '"' +
          uri +
          '" is not in this schema: references are followed within it, nothing is fetched',
      );
      return NO_NODE;
    }
    const index = this.resourceAt.get(uri);
    const fragment = percentDecoded(fragmentOf(reference));
    if (fragment == "") return this.resources[index].root;
    if (fragment.charCodeAt(0) == 0x2f) return this.follow(fragment, index, at);
    const key = index.toString() + "#" + fragment;
    if (this.anchorAt.has(key)) return this.anchors[this.anchorAt.get(key)].node;
    problem.add(at, 'there is no anchor "' + fragment + '"');
    return NO_NODE;
  }

  private follow(fragment: string, resource: i32, at: i32): i32 {
    const tape = this.tape;
    const pointer = Path.compile(fromString(fragment, this.arena), this.arena);
    let node = this.resources[resource].root;
    for (let i = 0; pointer != null && i < pointer.size && node != NO_NODE; i++) {
      const token = pointer.segments[i].selectors[0];
      const isElement = token.index >= 0 && token.index != PAST_END;
      const kind = tape.kind(node);
      if (kind == Kind.Object) node = this.places.member(node, toString(token.name));
      else if (kind == Kind.Array && isElement)
        node = this.places.element(node, token.index as i32);
      else node = NO_NODE;
    }
    if (pointer == null || node == NO_NODE) {
      problem.add(at, 'there is nothing at "' + fragment + '"');
      return NO_NODE;
    }
    return node;
  }
}
