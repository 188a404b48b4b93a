SELECT group_id, type, name, properties, created_at
FROM groups FINAL
WHERE project_id = {project:String} AND group_id = {group:String} AND deleted = 0
LIMIT 1;
