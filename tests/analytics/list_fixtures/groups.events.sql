SELECT group_id, type, name, properties, created_at
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0
ORDER BY created_at DESC, group_id
LIMIT {v0:UInt32};
